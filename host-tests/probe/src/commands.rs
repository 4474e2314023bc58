//! What a line of a script does.

use crate::env;
use crate::function::{Function, Output, Places};
use crate::script::Command;
use crate::value::{Names, Value};
use crate::{wasi, words};

/// Prefix of the functions of `wasi_unstable`.
const UNSTABLE: &str = "unstable.";

/// What became of a command.
pub enum Done {
    /// What the log shows behind ` = `, and the number that `as` names.
    Shown(String, u64),
    /// The callback returns this.
    Return(u64),
    /// What was seen while the filter was configured is logged again.
    Recall,
}

enum Kind {
    Host(&'static Function, fn(u32) -> String),
    Own(&'static Own),
}

/// A command that is no host function with a status.
struct Own {
    name: &'static str,
    parameters: usize,
    run: fn(&[u64]) -> Done,
}

const OWN: &[Own] = &[
    own("return", 1, |given| Done::Return(given[0])),
    own("recall", 0, |_| Done::Recall),
    own("trap", 0, |_| std::process::abort()),
    own("loop", 0, |_| {
        loop {
            std::hint::spin_loop();
        }
    }),
    own("write_outside", 0, |_| write_outside()),
    own("emscripten_notify_memory_growth", 1, |given| {
        env::compilers::emscripten_notify_memory_growth(given[0] as u32);
        shown("")
    }),
    own("pthread_equal", 2, |given| {
        let equal = env::compilers::pthread_equal(given[0] as u32, given[1] as u32);
        shown(equal.to_string())
    }),
    own("proc_exit", 1, |given| {
        wasi::preview1::exit(given[0] as u32);
        shown("")
    }),
    own("unstable.proc_exit", 1, |given| {
        wasi::unstable::exit(given[0] as u32);
        shown("")
    }),
];

const fn own(name: &'static str, parameters: usize, run: fn(&[u64]) -> Done) -> Own {
    Own {
        name,
        parameters,
        run,
    }
}

fn shown(text: impl Into<String>) -> Done {
    Done::Shown(text.into(), 0)
}

/// Writes behind the end of the memory.
fn write_outside() -> Done {
    let end = std::hint::black_box(usize::MAX) as *mut u64;
    #[allow(unsafe_code, reason = "what it is for: the host must survive it")]
    // SAFETY: none; WebAssembly traps on an address outside of the memory.
    unsafe {
        end.write_volatile(1);
    }
    shown("")
}

/// That a command exists and can be given these arguments.
///
/// # Errors
/// A sentence about what is wrong.
pub fn check(name: &str, arguments: &[Value]) -> Result<(), String> {
    let kind = find(name).ok_or_else(|| format!("no command is called `{name}`"))?;
    let given: usize = arguments.iter().map(Value::parameters).sum();
    let (inputs, all) = match kind {
        Kind::Own(own) => (own.parameters, own.parameters),
        // A text stands for a list of one.
        Kind::Host(function, _) if function.name == "fd_write" => (3, 3),
        Kind::Host(function, _) => {
            let all = function.parameters;
            (all - function.output.places(), all)
        }
    };
    if given == inputs || given == all {
        return Ok(());
    }
    Err(format!(
        "{name} takes {inputs} parameters, and here are {given} (bytes are two: pointer and \
         length)"
    ))
}

fn find(name: &str) -> Option<Kind> {
    if let Some(own) = OWN.iter().find(|own| own.name == name) {
        return Some(Kind::Own(own));
    }
    let of_env = env::FUNCTIONS.iter().find(|function| {
        let short = |prefix| function.name.strip_prefix(prefix);
        short("proxy_").or(short("envoy_")) == Some(name)
    });
    if let Some(function) = of_env {
        return Some(Kind::Host(function, words::status));
    }
    let (functions, name) = match name.strip_prefix(UNSTABLE) {
        Some(name) => (wasi::unstable::FUNCTIONS, name),
        None => (wasi::preview1::FUNCTIONS, name),
    };
    let function = functions.iter().find(|function| function.name == name)?;
    Some(Kind::Host(function, words::wasi_code))
}

/// Does what the command says.
pub fn run(command: &Command, names: &Names) -> Done {
    let mut parameters = Vec::new();
    for argument in &command.arguments {
        match argument {
            Value::Bytes(bytes) => {
                parameters.extend([bytes.as_ptr() as u64, bytes.len() as u64]);
            }
            other => match other.number(names) {
                Some(number) => parameters.push(number),
                None => return shown("(a name that has no value yet)"),
            },
        }
    }
    match find(&command.name) {
        Some(Kind::Own(own)) => (own.run)(&parameters),
        Some(Kind::Host(function, status)) => call(function, status, parameters, command.hide),
        None => shown("(no such command)"),
    }
}

fn call(
    function: &Function,
    status: fn(u32) -> String,
    mut parameters: Vec<u64>,
    hide: bool,
) -> Done {
    let mut places = Places::new();
    let mut output = function.output;
    let mut vector = [0_u32; 2];
    if function.name == "fd_write"
        && let [fd, at, length] = parameters[..]
    {
        vector = [at as u32, length as u32];
        parameters = vec![fd, vector.as_ptr() as u64, 1];
    }
    if parameters.len() == function.parameters {
        // The script says itself where results go.
        output = Output::Nothing;
    }
    let missing = function.parameters - parameters.len();
    parameters.extend(places.addresses().take(missing));
    let code = (function.call)(&parameters);
    std::hint::black_box(&vector);
    let Some(code) = code else {
        return shown("(another number of parameters)");
    };
    let mut text = status(code);
    if code == 0 && output != Output::Nothing {
        let results = if hide {
            "(hidden)".to_owned()
        } else {
            places.show(output)
        };
        text = format!("{text} {results}");
    }
    Done::Shown(text, places.first_number())
}
