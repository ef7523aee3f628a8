//! Looking into JSON for a few members, without building what is passed over.
//!
//! A shape takes what it looks for and lets everything else be: whether the rest holds together is for the actor to
//! say. Memory is bounded by what is looked for, whatever the body.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::{Code, Error, Result};
use crate::value;

/// What is looked for in one place. The default is something else than was expected.
pub(super) trait Shape<'de>: Default {
    fn null() -> Self {
        Self::default()
    }

    fn text(_text: Cow<'de, str>) -> Self {
        Self::default()
    }

    fn items<A: SeqAccess<'de>>(mut items: A) -> std::result::Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn members<A: MapAccess<'de>>(mut members: A) -> std::result::Result<Self, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// What `body` shows of itself.
///
/// # Errors
/// What [`value::parse`] finds wrong with it.
pub(super) fn look<'de, T: Shape<'de>>(body: &'de [u8]) -> Result<T> {
    let looked = std::str::from_utf8(body).ok().map(serde_json::from_str::<Seen<T>>);
    match looked {
        Some(Ok(seen)) => Ok(seen.0),
        Some(Err(wrong)) => {
            Err(value::parse(body).err().unwrap_or_else(|| Error::new(Code::InvalidJson, wrong.to_string())))
        }
        None => Err(value::parse(body).err().unwrap_or_else(|| Error::new(Code::InvalidUtf8, "Not UTF-8."))),
    }
}

/// A shape as serde reads it.
pub(super) struct Seen<T>(pub(super) T);

impl<'de, T: Shape<'de>> Deserialize<'de> for Seen<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> std::result::Result<Self, D::Error> {
        input.deserialize_any(Looker(PhantomData)).map(Seen)
    }
}

struct Looker<T>(PhantomData<T>);

impl<'de, T: Shape<'de>> Visitor<'de> for Looker<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<T, E> {
        Ok(T::null())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<T, E> {
        Ok(T::default())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> std::result::Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> std::result::Result<T, A::Error> {
        T::items(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> std::result::Result<T, A::Error> {
        T::members(members)
    }
}

/// A text, where one is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Text<'de> {
    /// The member is not there.
    #[default]
    Missing,
    /// null
    Null,
    /// Anything else.
    Other,
    /// The text.
    Is(Cow<'de, str>),
}

/// [`Text`] as a shape: where something stands, it is not missing.
#[derive(Default)]
struct Standing<'de>(Option<Text<'de>>);

impl<'de> Shape<'de> for Standing<'de> {
    fn null() -> Self {
        Standing(Some(Text::Null))
    }

    fn text(text: Cow<'de, str>) -> Self {
        Standing(Some(Text::Is(text)))
    }
}

/// The value of the member that comes next, as a text.
pub(super) fn next_text<'de, A: MapAccess<'de>>(members: &mut A) -> std::result::Result<Text<'de>, A::Error> {
    members.next_value::<Seen<Standing<'de>>>().map(|seen| seen.0.0.unwrap_or(Text::Other))
}

/// The name of the member that comes next.
pub(super) fn next_name<'de, A: MapAccess<'de>>(
    members: &mut A,
) -> std::result::Result<Option<Cow<'de, str>>, A::Error> {
    let seen = members.next_key::<Seen<Standing<'de>>>()?;
    Ok(seen.map(|seen| match seen.0.0 {
        Some(Text::Is(name)) => name,
        _ => Cow::Borrowed(""),
    }))
}
