//! Arguments that are too many to be handed over one by one: they are laid out in memory, as
//! the canonical ABI of the component model has it, and the function is handed their address.

use std::fmt::Write as _;

use wit_parser::abi::WasmType;
use wit_parser::{Int, Type, TypeDefKind};

use super::{Script, word};

/// One word of an argument: where it is stored, and with which instruction.
struct Place {
    offset: usize,
    store: &'static str,
    word: WasmType,
}

impl Script {
    /// Stores these words in memory, and answers with the address that the function is handed.
    pub(super) fn store(&mut self, parameters: &[Type], words: &[String]) -> String {
        let mut places = Vec::new();
        for (offset, ty) in self.sizes.field_offsets(parameters) {
            self.lay_out(ty, offset.size_wasm32(), &mut places);
        }
        assert_eq!(words.len(), places.len(), "words of many arguments");
        let size = self.sizes.record(parameters).size.size_wasm32();
        // Aligned for the widest of them.
        let padding = self.constants.len().next_multiple_of(8) - self.constants.len();
        self.constant(&vec![0; padding]);
        let base = self.constant(&vec![0; size]);
        for (value, place) in words.iter().zip(places) {
            let value = expression(value, place.word);
            let at = base + place.offset;
            let _ = writeln!(self.body, "({} (i32.const {at}) {value})", place.store);
        }
        base.to_string()
    }

    fn lay_out(&self, ty: &Type, offset: usize, places: &mut Vec<Place>) {
        let mut place = |offset, store, word| {
            places.push(Place {
                offset,
                store,
                word,
            });
        };
        match ty {
            Type::Bool | Type::U8 | Type::S8 => place(offset, "i32.store8", WasmType::I32),
            Type::U16 | Type::S16 => place(offset, "i32.store16", WasmType::I32),
            Type::U64 | Type::S64 => place(offset, "i64.store", WasmType::I64),
            Type::String => {
                place(offset, "i32.store", WasmType::I32);
                place(offset + 4, "i32.store", WasmType::I32);
            }
            Type::Id(id) => match &self.resolve.types[*id].kind {
                TypeDefKind::Type(other) => self.lay_out(other, offset, places),
                TypeDefKind::List(_) => self.lay_out(&Type::String, offset, places),
                TypeDefKind::Record(record) => {
                    for (inner, ty) in self
                        .sizes
                        .field_offsets(record.fields.iter().map(|field| &field.ty))
                    {
                        self.lay_out(ty, offset + inner.size_wasm32(), places);
                    }
                }
                TypeDefKind::Option(value) => {
                    place(offset, "i32.store8", WasmType::I32);
                    let behind = self.sizes.payload_offset(Int::U8, [None, Some(value)]);
                    self.lay_out(value, offset + behind.size_wasm32(), places);
                }
                TypeDefKind::Handle(_) => place(offset, "i32.store", WasmType::I32),
                other => panic!("no function takes {other:?} among many arguments"),
            },
            _ => place(offset, "i32.store", WasmType::I32),
        }
    }
}

/// A value as an instruction: a number, `@PLACE` to load from, or what is one already.
pub(super) fn expression(value: &str, ty: WasmType) -> String {
    match value.strip_prefix('@') {
        Some(place) => format!("({}.load (i32.const {place}))", word(ty)),
        None if value.starts_with('(') => value.to_owned(),
        None => format!("({}.const {value})", word(ty)),
    }
}
