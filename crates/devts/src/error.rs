//! The error of handlers and of `main`: whatever went wrong, with its chain of causes. The verbs return enums of
//! their own, which become this with `?`. Knows no verb.

use std::error::Error as StdError;
use std::fmt;

/// What handlers and `main` return: `devts::Result` is `Result<(), devts::Error>`.
pub type Result<T = ()> = std::result::Result<T, Error>;

/// Any error, with its causes. Every `std::error::Error` becomes one with `?`.
///
/// ```
/// fn parse(text: &str) -> devts::Result<i64> {
///     if text.is_empty() {
///         return Err(devts::Error::msg("nothing to parse"));
///     }
///     Ok(text.parse()?)
/// }
/// assert!(parse("x").unwrap_err().downcast_ref::<std::num::ParseIntError>().is_some());
/// ```
pub struct Error(Box<dyn StdError + Send + Sync>);

impl Error {
    /// An error that is a sentence.
    pub fn msg(text: impl fmt::Display) -> Error {
        Error(text.to_string().into())
    }

    /// The error itself, if it is of this type.
    pub fn downcast_ref<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// The error and its causes, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        fn cause<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
            let error: &'a (dyn StdError + 'static) = *error;
            error.source()
        }
        let first: &(dyn StdError + 'static) = &*self.0;
        std::iter::successors(Some(first), cause)
    }

    /// The whole chain on one line, as it crosses the wire.
    pub(crate) fn line(&self) -> String {
        let texts: Vec<String> = self.chain().map(ToString::to_string).collect();
        texts.join(": ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a `main` that returns `devts::Result` prints: the error, then each cause on a line.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.chain().skip(1).try_for_each(|cause| write!(f, "\n  caused by: {cause}"))
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Error {
        Error(Box::new(error))
    }
}

impl From<Error> for Box<dyn StdError + Send + Sync> {
    fn from(error: Error) -> Self {
        error.0
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use crate::config::NotLoopback;

    #[test]
    fn debug_shows_the_chain_and_the_type_is_kept() {
        let source = std::io::Error::other("taken");
        let error = Error::from(crate::JoinError::Bind { address: ([127, 0, 0, 1], 1).into(), source });
        assert_eq!(format!("{error:?}"), "cannot listen on 127.0.0.1:1\n  caused by: taken");
        assert_eq!(error.line(), "cannot listen on 127.0.0.1:1: taken");
        assert!(error.downcast_ref::<crate::JoinError>().is_some());
        assert!(error.downcast_ref::<NotLoopback>().is_none());
        assert_eq!(Error::msg("one").line(), "one");
    }
}
