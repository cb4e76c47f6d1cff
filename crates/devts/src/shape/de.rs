//! The recording side of tracing: a `Deserializer` that answers every question with a small sample and notes it in
//! the tree. Knows no format; it asks what `postcard` would be asked, which is what goes over the wire.

use super::pass::{Refused, Tracer, enter, inside};
use super::tree::{Id, Kind};
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::any::type_name;

const TEXTS: [&str; 4] = ["a", "", "1", "1"];
const NUMBERS: [u8; 4] = [1, 0, 2, 100];

/// `Email` of `core::option::Option<Email>`.
fn name_in_option(name: &'static str) -> &'static str {
    name.split_once('<').and_then(|(_, inner)| inner.strip_suffix('>')).unwrap_or(name)
}

/// The question what stands at one place.
pub(super) struct Tracing<'a, 't> {
    pub(super) tracer: &'a mut Tracer<'t>,
    pub(super) place: Option<Id>,
    pub(super) sample: usize,
}

impl<'t> Tracing<'_, 't> {
    fn leaf(&mut self, name: &'static str) -> Result<(), Refused> {
        self.tracer.step()?;
        if let Some(place) = self.place {
            self.tracer.tree.is(place, Kind::Leaf(name), &[]);
        }
        Ok(())
    }

    fn number(&self) -> u8 {
        NUMBERS[self.sample % NUMBERS.len()]
    }

    fn text(&self) -> &'static str {
        TEXTS[self.sample % TEXTS.len()]
    }

    /// A type that holds others; `visit` is told where.
    fn holder<'de, V: Visitor<'de>>(
        self,
        (kind, names): (Kind, &'static [&'static str]),
        visitor: V,
        visit: impl FnOnce(V, Tracing<'_, 't>) -> Result<V::Value, Refused>,
    ) -> Result<V::Value, Refused> {
        let Tracing { tracer, place, sample } = self;
        let place = tracer.open(place, type_name::<V::Value>(), true)?;
        let at = Tracing { tracer: &mut *tracer, place, sample };
        let result = at.held((kind, names), visitor, visit);
        tracer.outer.pop();
        result
    }

    /// As `holder`, for a variant: the type that it belongs to is entered already.
    fn held<'de, V: Visitor<'de>>(
        self,
        (kind, names): (Kind, &'static [&'static str]),
        visitor: V,
        visit: impl FnOnce(V, Tracing<'_, 't>) -> Result<V::Value, Refused>,
    ) -> Result<V::Value, Refused> {
        let Tracing { tracer, place, sample } = self;
        if let Some(id) = place {
            tracer.tree.is(id, kind, names);
        }
        let result = visit(visitor, Tracing { tracer: &mut *tracer, place, sample });
        if let Some(id) = place {
            tracer.tree.leave(id, result.is_ok());
        }
        result
    }

    /// Whether to put something into what may be empty.
    fn fill(&self) -> bool {
        self.place.map_or(self.sample % 2 == 1, |place| self.tracer.tree.fill(place, self.sample))
    }

    fn items<'b>(&'b mut self, len: usize, alike: bool) -> Items<'b, 't> {
        Items { tracer: &mut *self.tracer, place: self.place, sample: self.sample, next: 0, len, alike }
    }
}

/// Methods that note a leaf and answer with a sample.
macro_rules! leaves {
    ($($method:ident $name:literal $visit:ident $self:ident => $sample:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(mut $self, visitor: V) -> Result<V::Value, Refused> {
            $self.leaf($name)?;
            visitor.$visit($sample)
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracing<'_, '_> {
    type Error = Refused;

    leaves! {
        deserialize_bool "bool" visit_bool self => self.sample % 2 == 1;
        deserialize_i8 "i8" visit_i8 self => self.number() as i8;
        deserialize_i16 "i16" visit_i16 self => self.number().into();
        deserialize_i32 "i32" visit_i32 self => self.number().into();
        deserialize_i64 "i64" visit_i64 self => self.number().into();
        deserialize_i128 "i128" visit_i128 self => self.number().into();
        deserialize_u8 "u8" visit_u8 self => self.number();
        deserialize_u16 "u16" visit_u16 self => self.number().into();
        deserialize_u32 "u32" visit_u32 self => self.number().into();
        deserialize_u64 "u64" visit_u64 self => self.number().into();
        deserialize_u128 "u128" visit_u128 self => self.number().into();
        deserialize_f32 "f32" visit_f32 self => self.number().into();
        deserialize_f64 "f64" visit_f64 self => self.number().into();
        deserialize_char "char" visit_char self => self.text().chars().next().unwrap_or('a');
        deserialize_str "str" visit_str self => self.text();
        deserialize_string "str" visit_str self => self.text();
        deserialize_bytes "bytes" visit_bytes self => self.text().as_bytes();
        deserialize_byte_buf "bytes" visit_bytes self => self.text().as_bytes();
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.leaf("()")?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.holder((Kind::Option, &[]), visitor, |visitor, at| {
            if !at.fill() {
                return visitor.visit_none();
            }
            let (place, name) = (at.tracer.child(at.place, 0), name_in_option(type_name::<V::Value>()));
            inside(at.tracer, place, at.sample, name, |at| visitor.visit_some(at))
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let Tracing { tracer, place, sample } = self;
        let inner = tracer.open(place, type_name::<V::Value>(), false)?;
        let result = visitor.visit_newtype_struct(Tracing { tracer: &mut *tracer, place: inner, sample });
        tracer.outer.pop();
        result
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.holder((Kind::Seq, &[]), visitor, |visitor, mut at| {
            let len = usize::from(at.fill());
            visitor.visit_seq(at.items(len, true))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.holder((Kind::Map, &[]), visitor, |visitor, mut at| {
            let len = usize::from(at.fill());
            visitor.visit_map(at.items(2 * len, false))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.holder((Kind::Tuple, &[]), visitor, |visitor, mut at| visitor.visit_seq(at.items(len, false)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.holder((Kind::Struct, fields), visitor, |visitor, mut at| {
            visitor.visit_seq(at.items(fields.len(), false))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let name = type_name::<V::Value>();
        self.holder((Kind::Enum, variants), visitor, |visitor, at| match at.place {
            Some(place) => noted_enum(at, place, variants.len(), visitor),
            None => small_enum(at, (name, variants.len()), visitor),
        })
    }

    /// `postcard` cannot answer these either: what asks them is no event.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::custom("the format does not tell types"))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Visits a variant that is still to be seen.
fn noted_enum<'de, V: Visitor<'de>>(
    at: Tracing<'_, '_>,
    place: Id,
    variants: usize,
    visitor: V,
) -> Result<V::Value, Refused> {
    let Tracing { tracer, sample, .. } = at;
    if variants == 0 {
        return Err(Refused::custom("there is no such value"));
    }
    for number in 0..variants {
        tracer.tree.child(place, number);
    }
    let index = tracer.tree.variant(place);
    let place = tracer.child(Some(place), index);
    // Some enums refuse a variant itself: a Windows string on Unix.
    inside(tracer, place, sample, type_name::<V::Value>(), |at| visitor.visit_enum(Variant { at, index }))
}

/// Visits the variant that ends soonest, found by trying.
fn small_enum<'de, V: Visitor<'de>>(
    at: Tracing<'_, '_>,
    (name, variants): (&'static str, usize),
    visitor: V,
) -> Result<V::Value, Refused> {
    let tracer = at.tracer;
    if tracer.small.iter().any(|(outer, _)| *outer == name) {
        return Err(tracer.choose_again());
    }
    tracer.small.push((name, variants));
    let index = tracer.choices.get(name).copied().unwrap_or(0);
    let at = Tracing { tracer: &mut *tracer, place: None, sample: at.sample };
    let result = visitor.visit_enum(Variant { at, index });
    let result = match result {
        Err(Refused { noted: false }) => Err(tracer.choose_again()),
        result => result,
    };
    tracer.small.pop();
    result
}

/// The items of a sequence, tuple or struct, or keys and values in turn.
struct Items<'a, 't> {
    tracer: &'a mut Tracer<'t>,
    place: Option<Id>,
    sample: usize,
    next: usize,
    len: usize,
    /// All items are of one type, and noted at one place.
    alike: bool,
}

impl Items<'_, '_> {
    fn item<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let place = self.tracer.child(self.place, if self.alike { 0 } else { self.next });
        self.next += 1;
        enter(self.tracer, place, self.sample, seed)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.next < self.len { self.item(seed).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

impl<'de> MapAccess<'de> for Items<'_, '_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.next < self.len { self.item(seed).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        self.item(seed)
    }
}

/// One variant of an enum: its index, then what it holds, noted at the variant's own place.
struct Variant<'a, 't> {
    at: Tracing<'a, 't>,
    index: usize,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let index: U32Deserializer<Refused> =
            u32::try_from(self.index).unwrap_or(u32::MAX).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Refused;

    fn unit_variant(mut self) -> Result<(), Refused> {
        self.at.leaf("()")
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        enter(self.at.tracer, self.at.place, self.at.sample, seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.at.held((Kind::Tuple, &[]), visitor, |visitor, mut at| visitor.visit_seq(at.items(len, false)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.at.held((Kind::Struct, fields), visitor, |visitor, mut at| {
            visitor.visit_seq(at.items(fields.len(), false))
        })
    }
}
