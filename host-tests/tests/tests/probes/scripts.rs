//! What is wrong in a script of the probe is said in a sentence, with its line.

use tollgate_host::{Host, Module, Plugin};
use tollgate_tests::places;

#[test]
fn wrong_scripts_are_explained() {
    // (script, what is said)
    let rows = [
        (
            "get_status",
            "script line 1: before the first `on CALLBACK:`",
        ),
        ("on request_headers", "script line 1: it ends without `:`"),
        (
            "on request_heads:",
            "script line 1: no callback is called `request_heads`",
        ),
        (
            "on tick if nth == 1:",
            "script line 1: `if` where only `when` can be",
        ),
        (
            "on tick when nth = 1:",
            "script line 1: `=` is none of ==, >= and <",
        ),
        (
            "on tick when nth == one:",
            "script line 1: a comparison is with a whole number",
        ),
        (
            "on tick when nth ==:",
            "script line 1: a condition is `NAME`, `not NAME` or `NAME == 1`",
        ),
        (
            "# a remark\n\non tick:\n  sing",
            "script line 4: no command is called `sing`",
        ),
        (
            "on tick:\n  log info",
            "script line 2: log takes 3 parameters, and here are 1 (bytes are two: pointer and length)",
        ),
        (
            "on tick:\n  log loud \"x\"",
            "script: `log loud \"x\"`: `loud` is unknown",
        ),
        (
            "on tick:\n  log info \"x",
            "script line 2: a text without its closing quote",
        ),
        (
            "on tick:\n  log info \"\\q\"",
            "script line 2: escapes are \\0 \\n \\r \\\" \\\\ and \\xNN",
        ),
        (
            "on tick:\n  log info \"\\xzz\"",
            "script line 2: `\\xzz` is no byte",
        ),
        (
            "on tick:\n  log info \"x\"*many",
            "script line 2: `*many`: write how often, as in \"x\"*100",
        ),
        (
            "on tick:\n  set_header_map_pairs request_headers {a: b",
            "script line 2: pairs without their closing brace",
        ),
        (
            "on tick:\n  set_header_map_pairs request_headers {a}",
            "script line 2: `a` is no `name: value`",
        ),
        (
            "on tick:\n  call_foreign_function \"f\" proto{x: 1}",
            "script line 2: `x:` is no field, as in `1: \"x\"`",
        ),
        (
            "on tick:\n  call_foreign_function \"f\" proto{1: x}",
            "script line 2: a field holds a number, a text or proto{…}",
        ),
        (
            "on tick:\n  call_foreign_function \"f\" proto{1: 2",
            "script line 2: proto{…} without its closing brace",
        ),
        (
            "on tick:\n  log info \"x\" }",
            "script line 2: `}` is no value",
        ),
        (
            "on tick:\n  done as",
            "script line 2: `as` without the name it gives",
        ),
    ];
    let probe = Module::load(places::filter("tollgate-probe").unwrap()).unwrap();
    for (script, sentence) in rows {
        let plugin = Plugin {
            configuration: script.into(),
            ..Plugin::default()
        };
        let Err(error) = Host::new().worker(&probe, plugin) else {
            panic!("accepted: {script}");
        };
        let error = error.to_string();
        assert!(
            error.contains(sentence),
            "{script}\n{error}\nlacks {sentence}"
        );
    }
}
