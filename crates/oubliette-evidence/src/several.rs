//! One thing, or a list of them, in the same place of a file.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer},
    },
};

/// One `T` written by itself, or a list of them: `concept = "lion.toml"`, `concept = ["lion.toml", "car.toml"]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Several<T> {
    /// Written by itself.
    One(T),
    /// Written as a list.
    List(Vec<T>),
}

impl<T> Several<T> {
    /// A single one is written by itself.
    pub fn of(mut all: Vec<T>) -> Self {
        if all.len() == 1 { Self::One(all.remove(0)) } else { Self::List(all) }
    }

    /// All of them, in order.
    pub fn all(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::List(list) => list,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// Decides by the first sign, so that messages are those of what was meant.
struct Either<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of them, or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(text)).map(Several::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Several::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Several::List)
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Several{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        it: Several<String>,
    }

    #[test]
    fn one_and_many_are_read_and_written_as_they_were() {
        for text in ["it = \"a\"\n", "it = [\"a\", \"b\"]\n", "it = [\"a\"]\n"] {
            let holder: Holder = toml::from_str(text).unwrap();
            assert_eq!(toml::to_string(&holder).unwrap(), text);
        }
        let one: Holder = toml::from_str("it = \"a\"").unwrap();
        assert_eq!(one.it.all(), ["a"]);
        assert_eq!(Several::of(vec![1, 2]).all(), [1, 2]);
    }

    #[test]
    fn what_is_neither_is_refused_in_words() {
        let error = toml::from_str::<Holder>("it = 5").unwrap_err().to_string();
        assert!(error.contains("one of them, or a list"), "{error}");
    }
}
