//! The simulator as its users meet it: what it finds, what it says, and how a failing run is made again.

mod bugs;
mod child;
mod faults;
mod mistakes;
mod smoke;
