//! The words of a line: what plans and stories are read from. Knows numbers, times, machines and which known word a
//! misspelt one is nearest to; no sentence.

use std::fmt;
use std::time::Duration;

use super::print::Plain;
use crate::fault::{FaultError, LONGEST, MachineId, Nodes};

/// Why a line cannot be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The line ends too early.
    Missing {
        /// What should have come.
        what: String,
    },
    /// A word that is not known at its place.
    UnknownWord {
        /// The word.
        word: String,
        /// What may stand there.
        known: Vec<String>,
    },
    /// Something is left over at the end of the line.
    LeftOver {
        /// The first word too many.
        word: String,
    },
    /// Not the name of a machine.
    NotANode {
        /// The word.
        word: String,
    },
    /// Not a time.
    NotATime {
        /// The word.
        word: String,
    },
    /// Not a number, or none of the allowed ones.
    NotANumber {
        /// The word.
        word: String,
        /// The least and the most that is allowed.
        range: (u64, u64),
    },
    /// A line that happens before the line above it.
    Backwards {
        /// Its time.
        at: Duration,
        /// The time of the line above.
        before: Duration,
    },
    /// It can be read, but is no fault.
    Fault(FaultError),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Missing { what } => write!(f, "the line ends too early: add {what}"),
            Reason::UnknownWord { word, known } => unknown_word(f, word, known),
            Reason::LeftOver { word } => write!(f, "the line should end before `{word}`: remove the rest"),
            Reason::NotANode { word } => {
                write!(f, "`{word}` is no machine: they are called n1, n2 and so on")
            }
            Reason::NotATime { word } => {
                write!(f, "`{word}` is no time: write it as 250ms, 10s, 1.5s, 5m, 1h or 1m30s, up to a year")
            }
            Reason::NotANumber { word, range: (least, most) } => {
                write!(f, "`{word}` is not one of the numbers allowed here: {least} to {most}")
            }
            Reason::Backwards { at, before } => {
                let (at, before) = (Plain(*at), Plain(*before));
                write!(
                    f,
                    "time goes backwards: {at} comes after {before} above; put the lines in order of time"
                )
            }
            Reason::Fault(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Reason {}

impl From<FaultError> for Reason {
    fn from(error: FaultError) -> Reason {
        Reason::Fault(error)
    }
}

fn unknown_word(f: &mut fmt::Formatter<'_>, word: &str, known: &[String]) -> fmt::Result {
    write!(f, "`{word}` is not known here: ")?;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match (nearest(word, &known), known.as_slice()) {
        (Some(near), _) => write!(f, "did you mean `{near}`?"),
        (None, [only]) => write!(f, "it should be `{only}`"),
        (None, all) => write!(f, "it should be one of {}", all.join(", ")),
    }
}

/// The words of one line, taken one after the other. A comment from `#` on is no part of it.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Words<'a> {
    /// The words of `line` up to a `#`.
    pub(crate) fn of(line: &'a str) -> Words<'a> {
        let (text, _comment) = line.split_once('#').unwrap_or((line, ""));
        Words { words: text.split_whitespace().collect(), next: 0 }
    }

    /// The next word, not taken.
    pub(crate) fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    /// The next word, which should be `what`.
    pub(crate) fn take(&mut self, what: &str) -> Result<&'a str, Reason> {
        let word = self.peek().ok_or_else(|| Reason::Missing { what: what.to_owned() })?;
        self.next += 1;
        Ok(word)
    }

    /// Takes the next word if it is this one.
    pub(crate) fn has(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.next += usize::from(found);
        found
    }

    /// The next word, which must be one of `known`.
    pub(crate) fn one_of(&mut self, known: &[&'static str]) -> Result<&'static str, Reason> {
        let what = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let word = self.take(&what)?;
        let found = known.iter().copied().find(|candidate| *candidate == word);
        found.ok_or_else(|| unknown(word, known))
    }

    /// The line must be over.
    pub(crate) fn end(&self) -> Result<(), Reason> {
        self.peek().map_or(Ok(()), |word| Err(Reason::LeftOver { word: word.to_owned() }))
    }

    /// A time such as `1m30s`.
    pub(crate) fn time(&mut self, what: &str) -> Result<Duration, Reason> {
        let word = self.take(what)?;
        time(word).ok_or_else(|| Reason::NotATime { word: word.to_owned() })
    }

    /// A whole number of this range.
    pub(crate) fn number(&mut self, what: &str, range: (u64, u64)) -> Result<u64, Reason> {
        let word = self.take(what)?;
        number(word, word, range)
    }

    /// A whole number of this range, with a per cent sign after it.
    pub(crate) fn percent(&mut self, range: (u64, u64)) -> Result<u64, Reason> {
        let word = self.take("how many per cent, as 20%")?;
        number(word.strip_suffix('%').unwrap_or("without its sign"), word, range)
    }

    /// One machine of so many.
    pub(crate) fn node(&mut self, machines: usize) -> Result<MachineId, Reason> {
        node(self.take("a machine, as n1")?, machines)
    }

    /// Machines of so many: `n1`, `n1,n3`, `n2..n5` or `all`.
    pub(crate) fn nodes(&mut self, machines: usize) -> Result<Nodes, Reason> {
        if self.has("all") {
            return Ok(Nodes::all(machines));
        }
        let mut ids = Vec::new();
        loop {
            let word = self.take("machines, as n1,n2")?;
            for part in word.split(',').filter(|part| !part.is_empty()) {
                ids.extend(span(part, machines)?.map(MachineId));
            }
            let goes_on = word.ends_with(',') || self.peek().is_some_and(|next| next.starts_with(','));
            if !goes_on {
                break;
            }
        }
        match ids.is_empty() {
            true => Err(Reason::Missing { what: "machines, as n1,n2".to_owned() }),
            false => Ok(ids.into()),
        }
    }
}

/// That `word` is none of the `known` ones.
pub(crate) fn unknown(word: &str, known: &[&str]) -> Reason {
    Reason::UnknownWord { word: word.to_owned(), known: known.iter().map(|&word| word.to_owned()).collect() }
}

fn number(digits: &str, word: &str, range: (u64, u64)) -> Result<u64, Reason> {
    let refused = || Reason::NotANumber { word: word.to_owned(), range };
    let value = digits.parse::<u64>().map_err(|_| refused())?;
    if (range.0..=range.1).contains(&value) { Ok(value) } else { Err(refused()) }
}

fn node(word: &str, machines: usize) -> Result<MachineId, Reason> {
    let digits = word.strip_prefix('n').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let named = digits.and_then(|digits| digits.parse::<usize>().ok()).and_then(|n| n.checked_sub(1));
    let node = MachineId(named.ok_or_else(|| Reason::NotANode { word: word.to_owned() })?);
    if node.0 < machines { Ok(node) } else { Err(FaultError::UnknownNode { node, machines }.into()) }
}

/// `n3` or `n3..n6`.
fn span(word: &str, machines: usize) -> Result<std::ops::RangeInclusive<usize>, Reason> {
    let (first, last) = word.split_once("..").unwrap_or((word, word));
    let (first, last) = (node(first, machines)?.0, node(last, machines)?.0);
    if first <= last { Ok(first..=last) } else { Err(Reason::NotANode { word: word.to_owned() }) }
}

/// The units of a time, with their nanoseconds; the longer name first where one begins with another.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// `250ms`, `1.5s`, `1m30s`: numbers with units, added up; `None` if it is none or longer than a year.
pub(crate) fn time(word: &str) -> Option<Duration> {
    let mut rest = word;
    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let (amount, after) = split_where(rest, |c| !(c.is_ascii_digit() || c == '.'));
        let (name, after) = split_where(after, |c| !c.is_ascii_alphabetic());
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
        nanos = nanos.checked_add(amount_of(amount, *unit)?)?;
        rest = after;
    }
    let time = Duration::from_nanos(nanos);
    (!word.is_empty() && time <= LONGEST).then_some(time)
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// `1.5` of a unit, exactly: what is no whole number of nanoseconds is none.
fn amount_of(text: &str, unit: u64) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = part.parse::<u64>().ok()?.checked_mul(unit)?;
    if part % scale == 0 { whole.checked_add(part / scale) } else { None }
}

/// The word of `known` that `word` was probably meant to be: at most a third of its letters wrong, two at most.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let wrong = |candidate: &str| distance(word, candidate);
    let near = known.iter().copied().min_by_key(|candidate| wrong(candidate))?;
    let allowed = near.chars().count().div_ceil(3).min(2);
    (wrong(near) <= allowed).then_some(near)
}

/// How many letters must be added, removed, changed or swapped with their neighbour (Damerau 1964, the restricted form).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            let swap = if swapped { rows[i - 2][j - 2] + 1 } else { usize::MAX };
            row.push(changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1).min(swap));
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly() {
        let ms = Duration::from_millis;
        let good = [
            ("250ms", ms(250)),
            ("10s", ms(10_000)),
            ("1.5s", ms(1_500)),
            ("0.001s", ms(1)),
            ("1m30s", ms(90_000)),
            ("2h0.5m", ms(7_230_000)),
            ("7ns", Duration::from_nanos(7)),
            ("0s", ms(0)),
            ("1d", ms(86_400_000)),
        ];
        for (text, expected) in good {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        for bad in [
            "",
            "10",
            "s",
            "1.s",
            ".5s",
            "1,5s",
            "-1s",
            "1S",
            "1.5ns",
            "10 s",
            "367d",
            "99999999999999999999s",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn machines_are_read_in_all_their_forms() {
        let nodes = |text| Words::of(text).nodes(5).map(|nodes| nodes.to_string());
        assert_eq!(nodes("n3,n1"), Ok("n1,n3".to_owned()));
        assert_eq!(nodes("n1, n2 ,n4"), Ok("n1,n2,n4".to_owned()));
        assert_eq!(nodes("n2..n4,n1"), Ok("n1,n2,n3,n4".to_owned()));
        assert_eq!(nodes("all"), Ok("n1,n2,n3,n4,n5".to_owned()));
        for bad in ["", ",", "n", "n0", "n6", "n+1", "1", "n1,", "n4..n2", "n1..", "n99999999999999999999"] {
            assert!(nodes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_misspelt_word_is_understood_when_it_is_near() {
        let known = ["kill", "start", "pause", "heal"];
        assert_eq!(nearest("strat", &known), Some("start"));
        assert_eq!(nearest("kil", &known), Some("kill"));
        assert_eq!(nearest("paws", &known), Some("pause"));
        assert_eq!(nearest("explode", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn numbers_stay_within_their_range() {
        assert_eq!(Words::of("20%").percent((1, 100)), Ok(20));
        for bad in ["20", "0%", "101%", "%", "x%"] {
            assert!(Words::of(bad).percent((1, 100)).is_err(), "{bad}");
        }
        assert_eq!(Words::of("7").number("a number", (0, 7)), Ok(7));
        assert!(Words::of("8").number("a number", (0, 7)).is_err());
    }

    #[test]
    fn each_reason_says_what_to_do() {
        let mut words = Words::of("at # now");
        assert!(words.has("at"));
        assert_eq!(words.time("a time").unwrap_err().to_string(), "the line ends too early: add a time");
        let off = Words::of("of").one_of(&["off"]).unwrap_err().to_string();
        assert_eq!(off, "`of` is not known here: did you mean `off`?");
        let only = Words::of("elephant").one_of(&["off"]).unwrap_err().to_string();
        assert_eq!(only, "`elephant` is not known here: it should be `off`");
        let several = Words::of("elephant").one_of(&["from", "to"]).unwrap_err().to_string();
        assert_eq!(several, "`elephant` is not known here: it should be one of from, to");
        assert_eq!(
            Words::of("x").end().unwrap_err().to_string(),
            "the line should end before `x`: remove the rest"
        );
    }
}
