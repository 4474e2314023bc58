//! Which functions of a module are its allocator: by their names, as no section says it.

use std::collections::BTreeMap;

use wasmparser::{FuncType, ValType};

/// What a call of such a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocator {
    /// Asks for as many bytes.
    Allocate(Size),
    /// Gives back the block its first parameter points to.
    Free,
}

/// Where a call says how many bytes it wants, by the numbers of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Parameter(u32),
    Product(u32, u32),
}

use Allocator::{Allocate, Free};
use Size::{Parameter, Product};

/// C's functions, which C++'s `new` and Rust's std on WASI call, with the prefixes that
/// dlmalloc (wasi-libc) and Emscripten give their own; last TinyGo's.
///
/// A function that calls another of this list may be on it too: nested calls count once.
const NAMES: [(&str, Allocator); 9] = [
    ("malloc", Allocate(Parameter(0))),
    ("calloc", Allocate(Product(0, 1))),
    ("realloc", Allocate(Parameter(1))),
    ("reallocarray", Allocate(Product(1, 2))),
    ("aligned_alloc", Allocate(Parameter(1))),
    ("memalign", Allocate(Parameter(1))),
    ("posix_memalign", Allocate(Parameter(2))),
    ("free", Free),
    ("runtime.alloc", Allocate(Parameter(0))),
];
const PREFIXES: [&str; 3] = ["emscripten_builtin_", "__libc_", "dl"];

/// What every Rust program calls, whatever its global allocator.
const RUST_NAMES: [(&str, Allocator); 4] = [
    ("__rust_alloc", Allocate(Parameter(0))),
    ("__rust_alloc_zeroed", Allocate(Parameter(0))),
    ("__rust_realloc", Allocate(Parameter(3))),
    ("__rust_dealloc", Free),
];

/// What is known of a module's functions before their code.
#[derive(Default)]
pub(crate) struct Functions<'a> {
    /// Types by index; `None` for types that are not functions'.
    pub types: Vec<Option<FuncType>>,
    /// How many come first and are imported.
    pub imported: u32,
    /// Type indices of those that the module defines itself.
    pub defined: Vec<u32>,
    /// Names from the name section and the exports, with the index of their function.
    pub names: Vec<(&'a str, u32)>,
}

impl Functions<'_> {
    /// The type of a function that the module defines itself.
    pub fn type_of(&self, function: u32) -> Option<(u32, &FuncType)> {
        let defined = function.checked_sub(self.imported)?;
        let index = *self.defined.get(defined as usize)?;
        Some((index, self.types.get(index as usize)?.as_ref()?))
    }

    /// The allocator's functions by index.
    pub fn allocators(&self) -> BTreeMap<u32, Allocator> {
        let found = self.names.iter().filter_map(|(name, function)| {
            let allocator = known(name)?;
            let (_, ty) = self.type_of(*function)?;
            allocator
                .fits(ty.params())
                .then_some((*function, allocator))
        });
        found.collect()
    }
}

impl Allocator {
    /// Whether the parameters that matter are there.
    fn fits(self, parameters: &[ValType]) -> bool {
        let last = match self {
            Allocate(Parameter(size)) => size,
            Allocate(Product(a, b)) => a.max(b),
            Free => 0,
        };
        let needed = parameters.get(..=last as usize);
        needed.is_some_and(|needed| needed.iter().all(|ty| *ty == ValType::I32))
    }
}

fn known(name: &str) -> Option<Allocator> {
    let is = |known: &str| {
        let plain = PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        name == known || plain == known
    };
    let c = NAMES.iter().find(|(known, _)| is(known));
    let rust = || {
        RUST_NAMES
            .iter()
            .find(|(known, _)| name == *known || is_mangled(name, known))
    };
    c.or_else(rust).map(|(_, allocator)| *allocator)
}

/// Since Rust 1.88 these are mangled, as `_RNvCs4VdEYz8Q7rz_7___rustc12___rust_alloc`.
fn is_mangled(name: &str, known: &str) -> bool {
    // An underscore stands between a length and a name that begins with one.
    let suffix = format!("7___rustc{}_{known}", known.len());
    name.starts_with("_RNv") && name.ends_with(&suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_known_by_their_names() {
        let rows = [
            ("malloc", Some(Allocate(Parameter(0)))),
            ("dlmalloc", Some(Allocate(Parameter(0)))),
            ("emscripten_builtin_calloc", Some(Allocate(Product(0, 1)))),
            ("__libc_free", Some(Free)),
            ("dlposix_memalign", Some(Allocate(Parameter(2)))),
            (
                "_RNvCsfLfy6EI15iL_7___rustc14___rust_realloc",
                Some(Allocate(Parameter(3))),
            ),
            ("__rust_dealloc", Some(Free)),
            ("my_malloc", None),
            (
                "_RNvCsfLfy6EI15iL_7___rustc26___rust_alloc_error_handler",
                None,
            ),
            ("", None),
        ];
        for (name, expected) in rows {
            assert_eq!(known(name), expected, "{name}");
        }
    }

    #[test]
    fn a_function_without_the_parameters_is_another() {
        let rows: [(Allocator, &[ValType], bool); 5] = [
            (Allocate(Parameter(0)), &[ValType::I32], true),
            (Allocate(Parameter(0)), &[], false),
            (Allocate(Product(0, 1)), &[ValType::I32], false),
            (Allocate(Parameter(1)), &[ValType::I32, ValType::I64], false),
            (Free, &[ValType::I32, ValType::F64], true),
        ];
        for (allocator, parameters, fits) in rows {
            assert_eq!(allocator.fits(parameters), fits, "{allocator:?}");
        }
    }
}
