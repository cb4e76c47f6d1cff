//! Shapes of all kinds of types: what makes a difference, what does not, and that the text never changes by itself.

#![expect(clippy::disallowed_types, reason = "their shapes are the question")]

use super::{fnv1a, trace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::{NonZeroI8, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

/// Types of one module each, so that two definitions can have one name.
macro_rules! types {
    ($($module:ident { $($item:item)* })*) => {$(
        #[allow(dead_code, unused_imports, reason = "they are traced, never made")]
        mod $module { use super::*; $(#[derive(Deserialize)] $item)* }
    )*};
}

types! {
    plain { pub(super) struct Event { pub(super) a: i64, pub(super) b: String } }
    renamed_type { pub(super) struct Happening { a: i64, b: String } }
    swapped { pub(super) struct Event { b: String, a: i64 } }
    other_integer { pub(super) struct Event { a: u64, b: String } }
    renamed_field { pub(super) struct Event { a: i64, c: String } }
    nested { pub(super) struct Event { inner: plain::Event } }
    nested_swapped { pub(super) struct Event { inner: swapped::Event } }
    path { pub(super) struct Event { path: PathBuf } }
    full_path { pub(super) struct Event { path: std::path::PathBuf } }
    structs {
        pub(super) struct Unit;
        pub(super) struct Newtype(pub(super) u32);
        pub(super) struct Pair(u32, bool);
        pub(super) struct Empty {}
        pub(super) struct Ref<'a> { text: Cow<'a, str> }
    }
    enums {
        pub(super) enum All { Unit, Newtype(u8), Tuple(u8, char), Struct { x: f32, y: Option<f64> } }
        pub(super) enum Inner { A(All), B(i8), C }
        pub(super) struct Holds { one: Inner, two: Vec<Inner>, three: HashMap<String, Inner> }
        pub(super) enum Never {}
    }
    recursive {
        pub(super) struct Tree { value: i64, children: Vec<Tree> }
        pub(super) struct Rose(Vec<Rose>);
        pub(super) enum List { Cons(i64, Box<List>), Nil }
        pub(super) enum Expression { Sum(Box<Expression>, Box<Expression>), Not(Box<Expression>), Value { it: i64 } }
        pub(super) enum Egg { Laid(Hen) }
        pub(super) enum Hen { Hatched(Box<Egg>), First }
        pub(super) struct Wrap<T> { it: T }
        pub(super) struct Endless { it: Box<Endless> }
        pub(super) struct BesideEndless { it: Option<Endless>, after: u8 }
    }
}

fn text<T: DeserializeOwned>() -> String {
    trace::<T>()
}

#[test]
fn leaves_and_containers() {
    assert_eq!(text::<(bool, i8, i16, i32, i64, i128)>(), "(bool,i8,i16,i32,i64,i128)");
    assert_eq!(text::<(u8, u16, u32, u64, u128)>(), "(u8,u16,u32,u64,u128)");
    assert_eq!(text::<(f32, f64, char, String)>(), "(f32,f64,char,str)");
    assert_eq!(text::<()>(), "()");
    assert_eq!(text::<Option<Vec<Option<u8>>>>(), "?[?u8]");
    assert_eq!(text::<BTreeMap<String, HashSet<u16>>>(), "[str=[u16]]");
    assert_eq!(text::<[u8; 32]>(), "(u8*32)");
    assert_eq!(text::<Result<u8, String>>(), "<Ok:u8|Err:str>");
    assert_eq!(text::<Duration>(), "{secs:u64,nanos:u32}");
    assert_eq!(text::<Box<str>>(), "str");
    assert_eq!(text::<std::net::IpAddr>(), "<V4:(u8*4)|V6:(u8*16)>");
}

#[test]
fn structs() {
    assert_eq!(text::<plain::Event>(), "{a:i64,b:str}");
    assert_eq!(text::<structs::Unit>(), "()");
    assert_eq!(text::<structs::Newtype>(), "u32");
    assert_eq!(text::<structs::Pair>(), "(u32,bool)");
    assert_eq!(text::<structs::Empty>(), "{}");
    assert_eq!(text::<structs::Ref<'static>>(), "{text:str}");
}

#[test]
fn every_variant_of_every_enum() {
    let all = "<Unit|Newtype:u8|Tuple:(u8,char)|Struct:{x:f32,y:?f64}>";
    assert_eq!(text::<enums::All>(), all);
    let inner = format!("<A:{all}|B:i8|C>");
    assert_eq!(text::<enums::Holds>(), format!("{{one:{inner},two:[{inner}],three:[str={inner}]}}"));
    assert_eq!(text::<(u8, enums::Never)>(), "(u8,<>)");
    assert_eq!(text::<enums::Never>(), "<>");
}

#[test]
fn recursive_types_end() {
    assert_eq!(text::<recursive::Tree>(), "{value:i64,children:[^2]}");
    assert_eq!(text::<recursive::Rose>(), "[^1]");
    assert_eq!(text::<recursive::List>(), "<Cons:(i64,^1)|Nil>");
    assert_eq!(text::<recursive::Expression>(), "<Sum:(^1*2)|Not:^1|Value:{it:i64}>");
    assert_eq!(text::<recursive::Egg>(), "<Laid:<Hatched:^2|First>>");
    assert_eq!(text::<recursive::Endless>(), "{it:!Box<Endless>:^1}");
    assert_eq!(text::<recursive::BesideEndless>(), "{it:?{it:!Box<Endless>:^1},after:u8}");
}

#[test]
fn one_generic_type_in_itself_is_no_recursion() {
    assert_eq!(text::<recursive::Wrap<recursive::Wrap<u8>>>(), "{it:{it:u8}}");
    assert_eq!(text::<Vec<Vec<u8>>>(), "[[u8]]");
}

#[test]
fn what_makes_a_difference() {
    let differ = [
        text::<plain::Event>(),
        text::<swapped::Event>(),
        text::<other_integer::Event>(),
        text::<renamed_field::Event>(),
        text::<nested::Event>(),
        text::<nested_swapped::Event>(),
    ];
    let hashes: HashSet<u64> = differ.iter().map(|text| fnv1a(text.as_bytes())).collect();
    assert_eq!(hashes.len(), differ.len(), "{differ:?}");
}

#[test]
fn what_makes_none() {
    assert_eq!(text::<plain::Event>(), text::<renamed_type::Happening>());
    assert_eq!(text::<path::Event>(), text::<full_path::Event>());
    assert_eq!(text::<path::Event>(), "{path:str}");
    assert_eq!(text::<(String, PathBuf)>(), "(str*2)");
}

/// Refuses samples until one fits, or all.
struct Picky<const WANTED: usize>;

impl<'de, const WANTED: usize> Deserialize<'de> for Picky<WANTED> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() == WANTED { Ok(Picky) } else { Err(serde::de::Error::custom("wrong length")) }
    }
}

#[test]
fn types_that_refuse_a_sample_get_another() {
    assert_eq!(text::<(NonZeroI8, NonZeroU64)>(), "(i8,u64)");
    assert_eq!(text::<(Picky<1>, u8)>(), "(str,u8)");
    assert_eq!(text::<(Picky<0>, u8)>(), "(str,u8)");
}

#[test]
fn types_that_refuse_all_stand_by_name() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Event {
        before: u8,
        picky: Picky<7>,
        after: u16,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Around {
        maybe: Option<Picky<7>>,
        many: Vec<Event>,
        after: u16,
    }
    assert_eq!(text::<Picky<7>>(), "!Picky<7>:str");
    assert_eq!(text::<Event>(), "{before:u8,picky:!Picky<7>:str,after:_}");
    assert_eq!(
        text::<Around>(),
        "{maybe:?!Picky<7>:str,many:[{before:u8,picky:!Picky<7>:str,after:_}],after:u16}"
    );
}

#[test]
fn what_no_format_without_types_can_read_stands_by_name() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Untagged {
        A(u8),
        B(String),
    }
    assert_eq!(text::<Untagged>(), "!Untagged");
    assert_eq!(text::<serde::de::IgnoredAny>(), "!IgnoredAny");
}

struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert!(text.len() > 100, "a panic that this test asks for");
        Ok(Panics)
    }
}

#[test]
fn a_deserialize_that_panics_is_a_refusal() {
    assert_eq!(text::<(u8, Panics)>(), "(u8,!Panics:str)");
}

#[test]
fn an_operating_system_string_is_of_its_system() {
    let os = text::<std::ffi::OsString>();
    if cfg!(unix) {
        assert_eq!(os, "<Unix:[u8]|Windows:!OsString>");
    }
    assert!(os.starts_with('<'), "{os}");
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Deep<T>(T, ());

#[derive(Deserialize)]
#[allow(dead_code)]
struct Wide<T> {
    a: T,
    b: T,
    c: T,
}

type Four<T> = Deep<Deep<Deep<Deep<T>>>>;
type Sixteen<T> = Four<Four<Four<Four<T>>>>;
type Wide4<T> = Wide<Wide<Wide<Wide<T>>>>;

#[test]
fn depth_and_size_are_bounded() {
    let deep = text::<Sixteen<Sixteen<Sixteen<Sixteen<Four<u8>>>>>>();
    assert!(deep.contains('~') && deep.len() < 1000, "{deep}");
    let wide = text::<Wide4<Wide4<u8>>>();
    assert!(wide.contains('~') && wide.len() < 100_000, "{} bytes", wide.len());
}

struct Asked(u8);

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Asked)
    }
}

impl serde::Serialize for Asked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl crate::Event for Asked {
    const NAME: &'static str = "asked";
    type Reply = Vec<String>;
}

#[test]
fn the_reply_is_part_of_the_shape() {
    let shape = super::shape::<Asked>();
    assert_eq!(shape.text, "u8 -> [str]");
    assert_eq!(shape.hash, fnv1a(shape.text.as_bytes()));
    assert_eq!(super::of::<Asked>(), shape.hash);
}

/// If this fails, nodes of this version refuse those of the last: raise the wire version instead.
#[test]
fn hashes_are_the_same_for_ever() {
    let golden = |text: String, hash: u64| assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
    assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    golden(text::<plain::Event>(), 0x814d_e4b2_d37f_3334);
    golden(text::<enums::Holds>(), 0xb184_70d5_adb7_9f41);
    golden(text::<recursive::Expression>(), 0x12ef_840a_79d1_f46f);
    golden(text::<Picky<7>>(), 0xdd8f_2365_a1ad_11c4);
}
