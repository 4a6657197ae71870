//! A raft entry as the engine stores it: its bytes are kept as they are, so that a hash over them is a hash over what lies in the
//! file. Of the message only the index is read: eraftpb.Entry { 1 type, 2 term, 3 index, 4 data }.
use protobuf::{Clear, CodedInputStream, CodedOutputStream, Message, ProtobufResult, UnknownFields};
use raft_engine::MessageExt;
use std::any::Any;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub bytes: Vec<u8>,
    unknown: UnknownFields,
}

impl Entry {
    pub fn encode(kind: u64, term: u64, index: u64, data: &[u8]) -> Entry {
        let mut bytes = Vec::new();
        for (tag, value) in [(0x08, kind), (0x10, term), (0x18, index)] {
            if value > 0 {
                bytes.push(tag);
                varint(&mut bytes, value);
            }
        }
        if !data.is_empty() {
            bytes.push(0x22);
            varint(&mut bytes, data.len() as u64);
            bytes.extend_from_slice(data);
        }
        Entry { bytes, unknown: UnknownFields::new() }
    }

    /// An entry with an index whose type is no number.
    pub fn broken(index: u64) -> Entry {
        let mut bytes = vec![0x0a, 0x00, 0x18];
        varint(&mut bytes, index);
        Entry { bytes, unknown: UnknownFields::new() }
    }
}

pub fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

impl Clear for Entry {
    fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl Message for Entry {
    fn is_initialized(&self) -> bool {
        true
    }
    fn merge_from(&mut self, is: &mut CodedInputStream<'_>) -> ProtobufResult<()> {
        while !is.eof()? {
            self.bytes.push(is.read_raw_byte()?);
        }
        Ok(())
    }
    fn write_to_with_cached_sizes(&self, os: &mut CodedOutputStream<'_>) -> ProtobufResult<()> {
        os.write_raw_bytes(&self.bytes)
    }
    fn compute_size(&self) -> u32 {
        self.bytes.len() as u32
    }
    fn get_cached_size(&self) -> u32 {
        self.bytes.len() as u32
    }
    fn get_unknown_fields(&self) -> &UnknownFields {
        &self.unknown
    }
    fn mut_unknown_fields(&mut self) -> &mut UnknownFields {
        &mut self.unknown
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn descriptor(&self) -> &'static protobuf::reflect::MessageDescriptor {
        unimplemented!()
    }
    fn new() -> Entry {
        Entry::default()
    }
    fn default_instance() -> &'static Entry {
        unimplemented!()
    }
}

pub struct Entries;

impl MessageExt for Entries {
    type Entry = Entry;
    fn index(entry: &Entry) -> u64 {
        let mut is = CodedInputStream::from_bytes(&entry.bytes);
        let mut index = 0;
        while let Ok((number, wire_type)) = is.read_tag_unpack() {
            if number == 3 {
                index = is.read_uint64().unwrap_or(0);
            } else if is.skip_field(wire_type).is_err() {
                break;
            }
        }
        index
    }
}
