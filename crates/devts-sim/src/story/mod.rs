//! Stories: a text, one line a sentence, that says which nodes there are, what happens to them and what must come of it.
//! This is its grammar: a text becomes a [`Story`] of plain values, or an error that names the line. It knows no node and
//! runs nothing.
//!
//! ```
//! let story = devts_sim::story::Story::parse(
//!     "nodes 3                             # n1, n2 and n3 start; n2 and n3 join through n1
//!      lasts 1m
//!      every 200ms everybody emits
//!      at 10s  cut n3 from n1,n2
//!      by 16s  n1,n2 see n3 failed
//!      at 20s  heal
//!      by 50s  everybody sees everybody
//!      at the end every event was handled once by everybody",
//! )?;
//! assert_eq!((story.nodes, story.seeds, story.steps.len(), story.expectations.len()), (3, 1, 3, 3));
//! # Ok::<(), devts_sim::story::StoryError>(())
//! ```
//!
//! # Words
//!
//! `#` begins a comment. A time is `250ms`, `10s`, `5m10s`; a length `100 B`, `64 KiB`, `1 MiB`. *Who* is `n1`, `n1,n3`, `n2..n5`,
//! `everybody` (who runs at that time), `anybody` (the same, in sentences that say no), `everybody but n3`. What stands in
//! brackets may be left out. Lines with `at` and `by` stand in the order of their times; nothing is said twice.
//!
//! | line | says |
//! |---|---|
//! | `nodes 5` | n1 starts at once, the others 10 ms after each other and join through n1 |
//! | `lasts 5m` | when the story is over. Traffic ends then; what is under way has 20 s more to arrive |
//! | `seeds 3` | it is run from so many seeds; 1 if not said |
//! | `set` … | `history 1 MiB`, `window 128 KiB`, `state 8 MiB` (nodes keep and hand on a state of that length), `latency 50ms`, `tick 15ms`, `members 8`, `redial 5s`, `forget 1m` |
//! | `at T` *what* | it happens at that time |
//! | `every D [from T] [until T]` *what* | again and again |
//! | `by T` *condition* | at that time it is so; something that is told was told until then |
//! | `never [after T] [before T]` *condition* | it is so at no moment between, and not told |
//! | `at most N view changes at` *who* `[after T] [before T] [per minute]` | joined, left, failed, rejoined |
//! | `at the end` *condition* | as `by`, when the story is over |
//! | `at the end every event [of` *who*`] was handled once [or told missing] by` *who* | by all who run then, in its emitter's order: from the first that was emitted after they joined, to the last; of an emitter that died, the same by all |
//! | `at the end every send [of` *who*`] arrived [or was told]` | once and in order; or its sender was told otherwise |
//! | `at the end every request [of` *who*`] was answered [or told] [within D]` | or ended with an error by its deadline |
//!
//! | what | happens |
//! |---|---|
//! | `cut n1 from n2`, `kill n3`, `start n3`, `heal` … | a fault, as in a [`Plan`](crate::Plan); `kill`, `start` and `power off` also of several |
//! | *who* `emits [N times] [LENGTH]` | an event to all. Who does not run says nothing |
//! | *who* `sends` *whom* `[N times] [LENGTH]` | an event to one |
//! | *who* `asks` *whom* `[N times] [LENGTH] within D` | a request with a deadline |
//! | *who* `stops reading`, *who* `reads on` | a handler does not end, and ends |
//! | *who* `joins [through n1,nobody] [as n3]` | a node starts; `nobody` is a name that does not resolve, `as n3`: with the node id of n3 |
//! | *who* `leaves` | it stops by itself |
//!
//! | condition | holds when |
//! |---|---|
//! | *who* `sees` *whom* `[present]` | its view holds it, and the process that runs; nobody sees himself |
//! | *who* `sees` *whom* `failed`, `left` | it was in the view and is not since it failed, left |
//! | *who* `sees` *whom* `gone` | it is not in the view |
//! | *who* `sees only` *whom* | its view holds them and nobody else |
//! | *who* `is told gap [of` *whom*`]` | of events that it will not get; also `busy`, `timeout`, `down`, `restarted` of its requests, `undeliverable` of its sends |
//! | *who* `has stopped` | its process has ended and nobody asked it to |
//!
//! Without a line, always: nobody handles an event twice or out of its emitter's order, and no node stops by itself
//! unless a line expects it.

mod check;
mod contradict;
mod error;
mod line;
mod parts;
mod presence;
#[cfg(test)]
mod tests;

pub use error::{Reason, StoryError};
pub use parts::{Action, Condition, Expectation, Line, Much, Seed, Seen, Setting, Step, Story, Told, Who};
