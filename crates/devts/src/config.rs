//! How much, how long, how careful: the settings of a node beside its engine's. Features say what exists, this says
//! how much of it.

pub use devts_proto::config::Config as EngineConfig;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The settings of a node. Start from a profile and change fields; [`crate::Builder::config`] takes it.
///
/// ```
/// let mut config = devts::Config::lan();
/// config.engine.silent_after = std::time::Duration::from_secs(4);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Membership, history, sessions: the engine's limits and periods.
    pub engine: EngineConfig,
    /// Bytes of events, or of calls to one peer, that may wait to be sent before callers wait; a turn is told `Full`
    /// 1 MiB later. Default 1 MiB: a batch large enough that waking costs nothing, small enough to be felt soon.
    pub outgoing: usize,
    /// How long `join` waits until the node is in the cluster and restored. Default 30 s.
    pub join_timeout: Duration,
    /// How long a request waits that does not say. Default 5 s.
    pub request_timeout: Duration,
    /// How long `stop` waits for turns that are queued or run, and for peers to acknowledge. Default 5 s.
    pub stop_timeout: Duration,
    /// The most connections in all; more are closed when they are accepted. Default 1024.
    pub connections: usize,
    /// The most connections of one address that have not greeted yet; the next evicts the oldest. Default 16.
    pub ungreeted: usize,
}

impl Config {
    /// For nodes in one network, the default: a silent node is told after 2 s, a killed one at once.
    pub fn lan() -> Config {
        Config {
            engine: EngineConfig::default(),
            outgoing: 1 << 20,
            join_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(5),
            stop_timeout: Duration::from_secs(5),
            connections: 1024,
            ungreeted: 16,
        }
    }

    /// For nodes on one machine: as [`Config::lan`], and nodes that are started anew are looked for more often.
    pub fn local() -> Config {
        let mut config = Config::lan();
        config.engine.redial = (Duration::from_millis(100), Duration::from_secs(5));
        config
    }

    /// Checks every field against its range.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        let rules: [(bool, &'static str, &'static str); 6] = [
            ((4096..=1 << 30).contains(&self.outgoing), "outgoing", "4 KiB to 1 GiB"),
            (!self.join_timeout.is_zero(), "join_timeout", "above zero"),
            (!self.request_timeout.is_zero(), "request_timeout", "above zero"),
            (!self.stop_timeout.is_zero(), "stop_timeout", "above zero"),
            (
                self.connections >= 2 * self.engine.max_members,
                "connections",
                "at least twice `engine.max_members`",
            ),
            (self.ungreeted >= 1, "ungreeted", "at least 1"),
        ];
        if let Some((_, field, must)) = rules.into_iter().find(|(holds, ..)| !holds) {
            return Err(ConfigError { field: field.into(), must: must.into() });
        }
        let engine = self.engine.validate();
        engine.map_err(|error| ConfigError {
            field: format!("engine.{}", error.field),
            must: error.must.into(),
        })
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::lan()
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The field of [`Config`], or the method of [`crate::Builder`].
    pub field: String,
    /// What it must be.
    pub must: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` must be {}", self.field, self.must)
    }
}

impl std::error::Error for ConfigError {}

/// A preset of [`Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// [`Config::local`].
    Local,
    /// [`Config::lan`].
    Lan,
}

impl From<Profile> for Config {
    fn from(profile: Profile) -> Config {
        match profile {
            Profile::Local => Config::local(),
            Profile::Lan => Config::lan(),
        }
    }
}

/// What happens when a handler or a hook panics. The panic is caught in both cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// The node leaves and stops: its state may be half changed.
    #[default]
    Stop,
    /// The node goes on with its next turn; who waits for an answer is told, else the `rejected` hook.
    Continue,
}

/// How links are protected. There is no protection yet: devts binds loopback addresses only, unless told that the risk
/// is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Security(());

impl Security {
    /// Links in plain text on any address: whoever reaches the port can read everything, emit anything and be a
    /// member. For networks that are closed by other means.
    pub fn plaintext_i_accept_the_risk() -> Security {
        Security(())
    }
}

/// An address was to be bound that other machines may reach, and nothing protects the links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotLoopback {
    /// The address.
    pub address: SocketAddr,
}

impl fmt::Display for NotLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is not a loopback address, and links are not encrypted yet: anybody who reaches it could read all events \
             and send their own. Bind 127.0.0.1, or, if the network is closed by other means, say so with \
             `.security(Security::plaintext_i_accept_the_risk())`",
            self.address
        )
    }
}

impl std::error::Error for NotLoopback {}

#[cfg(test)]
mod tests {
    use super::Config;
    use std::time::Duration;

    #[test]
    fn presets_are_valid_and_errors_name_the_field() {
        assert_eq!(Config::lan().validate().and(Config::local().validate()), Ok(()));
        let mut config = Config::lan();
        config.engine.heartbeat = Duration::ZERO;
        assert_eq!(config.validate().unwrap_err().field, "engine.heartbeat");
        let mut config = Config::lan();
        config.outgoing = 0;
        assert_eq!(config.validate().unwrap_err().to_string(), "`outgoing` must be 4 KiB to 1 GiB");
    }
}
