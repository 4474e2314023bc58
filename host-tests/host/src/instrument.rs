//! Rewrites a module so that it counts the calls of its allocator.
//!
//! The code of each allocating function moves to a new function at the end, and in its
//! place comes a wrapper that counts and then calls it. Indices stay as they are, so that
//! nothing else is touched: direct calls, tables and exports all meet the wrapper.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wasm_encoder::{
    CodeSection, ConstExpr, Encode, ExportKind, Function, GlobalType, Instruction, RawSection,
    SectionId, ValType,
};
use wasmparser::{BinaryReader, KnownCustom, Name, Parser, Payload, TypeRef};

use crate::allocators::{Allocator, Functions, Size};
use crate::error::Error;

/// Exported globals of 64 bits: calls, bytes, frees, and the fuel all wrappers used.
pub(crate) const COUNTERS: [&str; 4] = [
    "tollgate-host:allocations",
    "tollgate-host:allocated_bytes",
    "tollgate-host:frees",
    "tollgate-host:counting_fuel",
];

/// The module with counters.
pub(crate) fn count_allocations(module: &[u8]) -> Result<Vec<u8>, Error> {
    let payloads = Parser::new(0).parse_all(module);
    let payloads: Vec<Payload> = payloads.collect::<Result<_, _>>().map_err(unreadable)?;
    let outline = Outline::read(&payloads).map_err(unreadable)?;
    if !outline.has_names {
        return Err(Error::Uncountable {
            reason: "it has no names of functions, by which the allocator is found".into(),
        });
    }
    let allocators = outline.functions.allocators();
    if !allocators
        .values()
        .any(|allocator| *allocator != Allocator::Free)
    {
        return Err(Error::Uncountable {
            reason: "none of its functions has the name of an allocator known here (C's malloc \
                     and its like, Rust's __rust_alloc, TinyGo's runtime.alloc)"
                .into(),
        });
    }
    rewrite(module, &payloads, &outline, &allocators).map_err(unreadable)
}

fn unreadable(error: wasmparser::BinaryReaderError) -> Error {
    Error::Compile(error.to_string())
}

/// What the rewriting needs to know of a module.
#[derive(Default)]
struct Outline<'a> {
    functions: Functions<'a>,
    globals: u32,
    has_names: bool,
    has_globals: bool,
}

impl<'a> Outline<'a> {
    fn read(payloads: &[Payload<'a>]) -> wasmparser::Result<Self> {
        let mut outline = Self::default();
        let functions = &mut outline.functions;
        for payload in payloads {
            match payload {
                Payload::TypeSection(types) => {
                    for group in types.clone() {
                        for ty in group?.types() {
                            let function = match &ty.composite_type.inner {
                                wasmparser::CompositeInnerType::Func(ty) => Some(ty.clone()),
                                _ => None,
                            };
                            functions.types.push(function);
                        }
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.clone().into_imports() {
                        match import?.ty {
                            TypeRef::Func(_) | TypeRef::FuncExact(_) => functions.imported += 1,
                            TypeRef::Global(_) => outline.globals += 1,
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(types) => {
                    functions.defined = types.clone().into_iter().collect::<Result<_, _>>()?;
                }
                Payload::GlobalSection(globals) => {
                    outline.globals += globals.count();
                    outline.has_globals = true;
                }
                Payload::ExportSection(exports) => {
                    for export in exports.clone() {
                        let export = export?;
                        if export.kind == wasmparser::ExternalKind::Func {
                            functions.names.push((export.name, export.index));
                        }
                    }
                }
                Payload::CustomSection(custom) => {
                    let KnownCustom::Name(names) = custom.as_known() else {
                        continue;
                    };
                    for name in names {
                        // Envoy and wasmtime do not mind a name section they cannot read.
                        let Ok(Name::Function(names)) = name else {
                            continue;
                        };
                        outline.has_names = true;
                        let names = names.into_iter().flatten();
                        functions
                            .names
                            .extend(names.map(|name| (name.name, name.index)));
                    }
                }
                _ => {}
            }
        }
        Ok(outline)
    }
}

/// Where the new globals are.
#[derive(Clone, Copy)]
struct Globals {
    /// The first of [`COUNTERS`]; the others follow.
    counters: u32,
    /// How many allocating functions are on the stack.
    depth: u32,
}

fn rewrite(
    module: &[u8],
    payloads: &[Payload],
    outline: &Outline,
    allocators: &BTreeMap<u32, Allocator>,
) -> wasmparser::Result<Vec<u8>> {
    let globals = Globals {
        counters: outline.globals,
        depth: outline.globals + COUNTERS.len() as u32,
    };
    let mut rewritten = wasm_encoder::Module::new();
    let mut globals_due = !outline.has_globals;
    for payload in payloads {
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        let data = module.get(range).unwrap_or_default();
        // The first section of those that stand behind the globals.
        if globals_due && matches!(payload, Payload::ExportSection(_)) {
            globals_due = false;
            let data = extended(&[0], &new_globals())?;
            section(&mut rewritten, SectionId::Global as u8, &data);
        }
        let data = match payload {
            Payload::FunctionSection(_) => {
                let types = allocators
                    .keys()
                    .filter_map(|function| Some(encoded(outline.functions.type_of(*function)?.0)));
                Cow::Owned(extended(data, &types.collect::<Vec<_>>())?)
            }
            Payload::GlobalSection(_) => Cow::Owned(extended(data, &new_globals())?),
            Payload::ExportSection(_) => Cow::Owned(extended(data, &new_exports(globals))?),
            Payload::CodeSectionStart { .. } => {
                rewritten.section(&code(module, payloads, outline, allocators, globals));
                continue;
            }
            _ => Cow::Borrowed(data),
        };
        section(&mut rewritten, id, &data);
    }
    Ok(rewritten.finish())
}

fn section(module: &mut wasm_encoder::Module, id: u8, data: &[u8]) {
    module.section(&RawSection { id, data });
}

/// A section's data, which begins with a count, with more entries at its end.
fn extended(data: &[u8], entries: &[Vec<u8>]) -> wasmparser::Result<Vec<u8>> {
    let mut reader = BinaryReader::new(data, 0);
    let count = reader.read_var_u32()?;
    let mut extended = encoded(count + entries.len() as u32);
    extended.extend(data.get(reader.current_position()..).unwrap_or_default());
    extended.extend(entries.iter().flatten());
    Ok(extended)
}

fn encoded(value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

fn new_globals() -> Vec<Vec<u8>> {
    let global = |val_type, zero: ConstExpr| {
        let mut bytes = Vec::new();
        let ty = GlobalType {
            val_type,
            mutable: true,
            shared: false,
        };
        ty.encode(&mut bytes);
        zero.encode(&mut bytes);
        bytes
    };
    let mut globals = vec![global(ValType::I64, ConstExpr::i64_const(0)); COUNTERS.len()];
    globals.push(global(ValType::I32, ConstExpr::i32_const(0)));
    globals
}

fn new_exports(globals: Globals) -> Vec<Vec<u8>> {
    let exports = (globals.counters..).zip(COUNTERS);
    exports
        .map(|(global, name)| {
            let mut bytes = Vec::new();
            name.encode(&mut bytes);
            ExportKind::Global.encode(&mut bytes);
            global.encode(&mut bytes);
            bytes
        })
        .collect()
}

fn code(
    module: &[u8],
    payloads: &[Payload],
    outline: &Outline,
    allocators: &BTreeMap<u32, Allocator>,
    globals: Globals,
) -> CodeSection {
    let functions = &outline.functions;
    let mut moved_to = functions.imported + functions.defined.len() as u32;
    let mut code = CodeSection::new();
    let mut moved = Vec::new();
    let bodies = payloads.iter().filter_map(|payload| match payload {
        Payload::CodeSectionEntry(body) => module.get(body.range()),
        _ => None,
    });
    for (function, body) in (functions.imported..).zip(bodies) {
        match (allocators.get(&function), functions.type_of(function)) {
            (Some(allocator), Some((_, ty))) => {
                let parameters = ty.params().len() as u32;
                code.function(&wrapper(*allocator, parameters, moved_to, globals));
                moved.push(body);
                moved_to += 1;
            }
            _ => {
                code.raw(body);
            }
        }
    }
    for body in moved {
        code.raw(body);
    }
    code
}

/// A function that counts a call and makes it.
///
/// It has no branches, so that it uses the same fuel each time and can count that too.
fn wrapper(allocator: Allocator, parameters: u32, callee: u32, globals: Globals) -> Function {
    // wasmtime takes a unit for entering a function and one for each instruction here.
    let fuel = wrapper_code(allocator, parameters, callee, globals, 0).len() + 1;
    // One local: 1 where the call is counted, else 0.
    let mut function = Function::new([(1, ValType::I64)]);
    for instruction in wrapper_code(allocator, parameters, callee, globals, fuel as i64) {
        function.instruction(&instruction);
    }
    function.instruction(&Instruction::End);
    function
}

fn wrapper_code(
    allocator: Allocator,
    parameters: u32,
    callee: u32,
    globals: Globals,
    fuel: i64,
) -> Vec<Instruction<'static>> {
    use Instruction::*;
    let [calls, bytes, frees, counting_fuel] = [0, 1, 2, 3].map(|n| globals.counters + n);
    let counted = parameters;
    let size = |parameter: u32| [LocalGet(parameter), I64ExtendI32U];
    let add_to = |global: u32| [GlobalGet(global), I64Add, GlobalSet(global)];

    let mut code = vec![GlobalGet(globals.depth), I32Eqz];
    match allocator {
        Allocator::Allocate(wanted) => {
            code.extend([I64ExtendI32U, LocalTee(counted)]);
            code.extend(add_to(calls));
            match wanted {
                Size::Parameter(n) => code.extend(size(n)),
                Size::Product(a, b) => {
                    code.extend(size(a));
                    code.extend(size(b));
                    code.push(I64Mul);
                }
            }
            code.extend([LocalGet(counted), I64Mul]);
            code.extend(add_to(bytes));
        }
        Allocator::Free => {
            code.extend([LocalGet(0), I32Const(0), I32Ne, I32And, I64ExtendI32U]);
            code.extend(add_to(frees));
        }
    }
    code.push(I64Const(fuel));
    code.extend(add_to(counting_fuel));
    let step = |step: Instruction<'static>| {
        let depth = globals.depth;
        [GlobalGet(depth), I32Const(1), step, GlobalSet(depth)]
    };
    code.extend(step(I32Add));
    code.extend((0..parameters).map(LocalGet));
    code.push(Call(callee));
    code.extend(step(I32Sub));
    code
}
