//! Which settings there are: the fields that a struct asks a reader for.

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor, value::Error};

/// The names of all fields of `S`, in its own order.
pub(crate) fn keys<S: DeserializeOwned>() -> &'static [&'static str] {
    let mut asked: &'static [&'static str] = &[];
    // It always fails, since there is nothing to read; what was asked for is known by then.
    let _ = S::deserialize(Nothing { asked: &mut asked });
    asked
}

/// Holds nothing, and notes what it is asked for.
struct Nothing<'a> {
    asked: &'a mut &'static [&'static str],
}

impl<'de> Deserializer<'de> for Nothing<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("there is nothing"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.asked = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
