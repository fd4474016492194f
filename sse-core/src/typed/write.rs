use crate::event::{Event, JsonData};
use core::fmt::Display;
use core::mem;
use serde_core::ser::{
    Error as _, Impossible, Serialize, SerializeStructVariant, SerializeTupleVariant, Serializer,
};
use serde_json::Error;

/// Serializes an enum as an event, and refuses everything else.
pub(crate) struct Writer;

/// Methods that refuse their argument.
macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $ok:ty: $given:literal;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, Error> {
            Err(refused($given))
        }
    )*};
}

impl Serializer for Writer {
    type Ok = Event;
    type Error = Error;
    type SerializeSeq = Impossible<Event, Error>;
    type SerializeTuple = Impossible<Event, Error>;
    type SerializeTupleStruct = Impossible<Event, Error>;
    type SerializeTupleVariant = Content;
    type SerializeMap = Impossible<Event, Error>;
    type SerializeStruct = Impossible<Event, Error>;
    type SerializeStructVariant = Content;

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Event, Error> {
        event(variant)?.json_data(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        content: &T,
    ) -> Result<Event, Error> {
        event(variant)?.json_data(content)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Content, Error> {
        Ok(Content::new(event(variant)?, b'['))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Content, Error> {
        Ok(Content::new(event(variant)?, b'{'))
    }

    /// A newtype struct is its content, as in JSON.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        content: &T,
    ) -> Result<Event, Error> {
        content.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Event, Error> {
        self.serialize_none()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Event, Error> {
        Err(refused(format_args!("struct {name}")))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        Err(refused(format_args!("struct {name}")))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeStruct, Error> {
        Err(refused(format_args!("struct {name}")))
    }

    refuse! {
        serialize_bool(bool) -> Event: "a boolean";
        serialize_i8(i8) -> Event: "a number";
        serialize_i16(i16) -> Event: "a number";
        serialize_i32(i32) -> Event: "a number";
        serialize_i64(i64) -> Event: "a number";
        serialize_i128(i128) -> Event: "a number";
        serialize_u8(u8) -> Event: "a number";
        serialize_u16(u16) -> Event: "a number";
        serialize_u32(u32) -> Event: "a number";
        serialize_u64(u64) -> Event: "a number";
        serialize_u128(u128) -> Event: "a number";
        serialize_f32(f32) -> Event: "a number";
        serialize_f64(f64) -> Event: "a number";
        serialize_char(char) -> Event: "a character";
        serialize_str(&str) -> Event: "a string";
        serialize_bytes(&[u8]) -> Event: "bytes";
        serialize_none() -> Event: "an option";
        serialize_unit() -> Event: "a unit";
        serialize_seq(Option<usize>) -> Self::SerializeSeq: "a sequence";
        serialize_tuple(usize) -> Self::SerializeTuple: "a tuple";
        serialize_map(Option<usize>) -> Self::SerializeMap: "a map";
    }
}

fn event(variant: &str) -> Result<Event, Error> {
    Event::new().try_event(variant).map_err(Error::custom)
}

fn refused(given: impl Display) -> Error {
    Error::custom(format_args!(
        "`Event::typed` takes an externally tagged enum, whose variant becomes the event type, \
         but this value serializes as {given}; write other values with `Event::json_data`"
    ))
}

/// The content of a tuple or struct variant, as far as it has been written.
pub(crate) struct Content {
    data: JsonData,
    empty: bool,
}

impl Content {
    fn new(event: Event, open: u8) -> Self {
        let mut data = JsonData::new(event);
        data.punctuation(open);
        Self { data, empty: true }
    }

    fn separate(&mut self) {
        if !mem::take(&mut self.empty) {
            self.data.punctuation(b',');
        }
    }

    fn close(mut self, close: u8) -> Event {
        self.data.punctuation(close);
        self.data.end()
    }
}

impl SerializeTupleVariant for Content {
    type Ok = Event;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        self.data.value(value)
    }

    fn end(self) -> Result<Event, Error> {
        Ok(self.close(b']'))
    }
}

impl SerializeStructVariant for Content {
    type Ok = Event;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.separate();
        self.data.value(name)?;
        self.data.punctuation(b':');
        self.data.value(value)
    }

    fn end(self) -> Result<Event, Error> {
        Ok(self.close(b'}'))
    }
}
