//! What `join` takes as seeds: a port of this machine, `host:port`, or many of them. Names are resolved at each dial.

use std::net::SocketAddr;

/// One or more cluster ports to join through; none for the first node of a cluster.
///
/// | written | means |
/// |---|---|
/// | `2233`, `"2233"` | `127.0.0.1:2233` |
/// | `"host:port"` | each of the name's addresses in turn, resolved anew at each dial |
/// | a `SocketAddr` | itself |
/// | an array, slice, `Vec` or `Option` of these | all of them |
/// | `()` | nobody |
#[diagnostic::on_unimplemented(
    message = "`{Self}` says no seeds",
    note = "a port (`2233`), `\"host:port\"`, a `SocketAddr`, a list of these, or `()`"
)]
pub trait ToSeeds {
    /// As `host:port`, one each.
    fn to_seeds(&self) -> Vec<String>;
}

impl ToSeeds for u16 {
    fn to_seeds(&self) -> Vec<String> {
        vec![format!("127.0.0.1:{self}")]
    }
}

impl ToSeeds for str {
    fn to_seeds(&self) -> Vec<String> {
        self.parse::<u16>().map_or_else(|_| vec![self.to_string()], |port| port.to_seeds())
    }
}

impl ToSeeds for String {
    fn to_seeds(&self) -> Vec<String> {
        self.as_str().to_seeds()
    }
}

impl ToSeeds for SocketAddr {
    fn to_seeds(&self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl ToSeeds for () {
    fn to_seeds(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<T: ToSeeds> ToSeeds for [T] {
    fn to_seeds(&self) -> Vec<String> {
        self.iter().flat_map(ToSeeds::to_seeds).collect()
    }
}

impl<T: ToSeeds, const N: usize> ToSeeds for [T; N] {
    fn to_seeds(&self) -> Vec<String> {
        self.as_slice().to_seeds()
    }
}

impl<T: ToSeeds> ToSeeds for Vec<T> {
    fn to_seeds(&self) -> Vec<String> {
        self.as_slice().to_seeds()
    }
}

impl<T: ToSeeds> ToSeeds for Option<T> {
    fn to_seeds(&self) -> Vec<String> {
        self.as_ref().map(ToSeeds::to_seeds).unwrap_or_default()
    }
}

impl<T: ToSeeds + ?Sized> ToSeeds for &T {
    fn to_seeds(&self) -> Vec<String> {
        (**self).to_seeds()
    }
}

/// Whether this is a `host:port`, resolvable or not.
pub(crate) fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{ToSeeds, is_host_port};

    #[test]
    fn seeds() {
        let none: [&str; 0] = [];
        assert_eq!(2233.to_seeds(), ["127.0.0.1:2233"]);
        assert_eq!("2233".to_seeds(), ["127.0.0.1:2233"]);
        assert_eq!(vec!["a:1", "b:2"].to_seeds(), ["a:1", "b:2"]);
        assert_eq!(["a:1"][..].to_seeds(), ["a:1"]);
        assert_eq!((().to_seeds(), none.to_seeds(), None::<u16>.to_seeds()), (vec![], vec![], vec![]));
        assert!(is_host_port("a:1") && is_host_port("[::1]:80"));
        assert!(!is_host_port("a") && !is_host_port(":1") && !is_host_port("a:x"));
    }
}
