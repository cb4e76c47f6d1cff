//! What the environment asks for, and how a failing run is made again: which seed, the line to type, where files go.
//! Knows no run.

use std::env;
use std::path::{Path, PathBuf};

/// The variable that runs one seed only.
const SEED: &str = "DEVTS_SEED";
/// The variable that says how many seeds are run.
const SEEDS: &str = "DEVTS_SEEDS";

/// Which seeds are to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// So many, from 0.
    Count(u64),
    /// This one.
    One(u64),
}

/// What the environment says, else the test's own count.
pub(crate) fn asked(count: u64) -> Result<Asked, String> {
    let read = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    chosen(count, read(SEED).as_deref(), read(SEEDS).as_deref())
}

fn chosen(count: u64, seed: Option<&str>, seeds: Option<&str>) -> Result<Asked, String> {
    if let Some(seed) = seed {
        return number(SEED, "77 runs seed 77 and no other", seed).map(Asked::One);
    }
    match seeds {
        Some(seeds) => match number(SEEDS, "1000 runs the seeds 0 to 999", seeds)? {
            0 => Err(format!("{SEEDS} is 0, and nothing would be tested")),
            count => Ok(Asked::Count(count)),
        },
        None => Ok(Asked::Count(count)),
    }
}

fn number(name: &str, example: &str, value: &str) -> Result<u64, String> {
    value.trim().parse().map_err(|_| format!("{name} is {value:?}, which is no number: {name}={example}"))
}

/// Where a test is, for the line that runs it again.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The test's name, where the harness has named its thread after it.
    test: Option<String>,
    package: Option<String>,
    exe: PathBuf,
}

impl Place {
    /// Of the test that runs on this thread.
    pub(crate) fn here() -> Place {
        let thread = std::thread::current();
        let test = thread.name().filter(|name| *name != "main").map(ToString::to_string);
        let exe = env::current_exe().unwrap_or_default();
        Place { test, package: env::var("CARGO_PKG_NAME").ok(), exe }
    }

    /// What to type in a shell to make this seed's run again.
    pub(crate) fn line(&self, seed: u64) -> String {
        let package = self.package.as_ref().map_or_else(String::new, |package| format!(" -p {package}"));
        match (&self.test, self.example()) {
            (Some(test), _) => format!("{SEED}={seed} cargo test{package} {test}"),
            (None, Some(example)) => format!("{SEED}={seed} cargo run{package} --example {example}"),
            (None, None) => format!("{SEED}={seed} cargo test{package}"),
        }
    }

    /// The example's name, if this is the `main` of one.
    fn example(&self) -> Option<&str> {
        let of_examples = self.exe.parent()?.file_name()? == "examples";
        self.exe.file_stem()?.to_str().filter(|_| of_examples)
    }

    /// Where the timeline of a seed is written: in cargo's target folder, or among the system's temporary files.
    pub(crate) fn timelines(&self, seed: u64) -> Vec<PathBuf> {
        let words = self.test.as_deref().or(self.example()).unwrap_or("run");
        let name: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let file = Path::new("devts-sim").join(format!("{name}-{seed}.svg"));
        let target = self.target().map(|target| target.join(&file));
        target.into_iter().chain([env::temp_dir().join(&file)]).collect()
    }

    /// `target` of `target/debug/deps/test-0a1b2c` or `target/debug/examples/name`.
    fn target(&self) -> Option<PathBuf> {
        let folder = self.exe.parent()?;
        let known = ["deps", "examples"].iter().any(|name| folder.file_name().is_some_and(|f| f == *name));
        known.then(|| folder.parent()?.parent().map(Path::to_path_buf)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Place, chosen};

    #[test]
    fn the_environment_says_which_seeds() {
        assert_eq!(chosen(50, None, None), Ok(Asked::Count(50)));
        assert_eq!(chosen(50, None, Some("1000")), Ok(Asked::Count(1000)));
        assert_eq!(chosen(50, Some(" 77"), Some("x")), Ok(Asked::One(77)));
    }

    #[test]
    fn what_is_no_number_is_told() {
        let error = chosen(50, Some("7x"), None).unwrap_err();
        assert_eq!(
            error,
            "DEVTS_SEED is \"7x\", which is no number: DEVTS_SEED=77 runs seed 77 and no other"
        );
        assert!(
            chosen(50, None, Some("-1"))
                .unwrap_err()
                .starts_with("DEVTS_SEEDS is \"-1\", which is no number")
        );
        assert!(chosen(50, None, Some("0")).unwrap_err().contains("nothing would be tested"));
    }

    fn place(test: Option<&str>, exe: &str) -> Place {
        Place { test: test.map(Into::into), package: Some("shop".into()), exe: exe.into() }
    }

    #[test]
    fn the_line_runs_what_failed() {
        let test = place(Some("orders::none_is_lost"), "/w/target/debug/deps/orders-0a1b");
        assert_eq!(test.line(7), "DEVTS_SEED=7 cargo test -p shop orders::none_is_lost");
        let example = place(None, "/w/target/debug/examples/lost_update");
        assert_eq!(example.line(7), "DEVTS_SEED=7 cargo run -p shop --example lost_update");
        assert_eq!(place(None, "/tmp/rustdoctest1/rust_out").line(7), "DEVTS_SEED=7 cargo test -p shop");
    }

    #[test]
    fn timelines_go_to_the_target_folder() {
        let test = place(Some("orders::none_is_lost"), "/w/target/debug/deps/orders-0a1b");
        let files = test.timelines(7);
        assert_eq!(files[0].to_str(), Some("/w/target/devts-sim/orders__none_is_lost-7.svg"));
        assert!(files[1].starts_with(std::env::temp_dir()));
        assert_eq!(place(None, "/tmp/rustdoctest1/rust_out").timelines(7).len(), 1);
    }
}
