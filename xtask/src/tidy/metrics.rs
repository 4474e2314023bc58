//! README.md's table of metrics has every metric of the filters, and no other.

use super::Source;

const PAGE: &str = "README.md";
const HEADING: &str = "### Metrics";

/// A name as it is spelled somewhere.
struct Named {
    /// Such as `README.md:7`.
    place: String,
    /// As Prometheus has it, without `tollgate_`.
    name: String,
}

/// Adds every metric that only the code has, or only the page.
pub fn check(files: &[Source], breaches: &mut Vec<String>) {
    let mut modules = Vec::new();
    let mut in_code = Vec::new();
    for file in files {
        if file.is_rust() && file.path.starts_with("filters/") {
            in_code.extend(of_code(file, &mut modules));
        }
    }
    let page = files.iter().find(|file| file.path == PAGE);
    let on_page = page.map_or(Vec::new(), |page| of_page(page, &modules));
    let lacks = |others: &[Named], one: &Named| others.iter().all(|other| other.name != one.name);
    for Named { place, name } in in_code.iter().filter(|one| lacks(&on_page, one)) {
        breaches.push(format!("{place}: {PAGE} does not say what `{name}` counts"));
    }
    for Named { place, name } in on_page.iter().filter(|one| lacks(&in_code, one)) {
        breaches.push(format!("{place}: no filter has a metric `{name}`"));
    }
}

/// Metrics are called `tollgate.MODULE.NAME`; those of every module without it, and so are keys of
/// filter state.
fn of_code(file: &Source, modules: &mut Vec<String>) -> Vec<Named> {
    let mut found = Vec::new();
    for (number, line) in file.code() {
        for (at, start) in line.match_indices("\"tollgate.") {
            let rest = &line[at + start.len()..];
            let Some((name, _)) = rest.split_once('"').filter(|(name, _)| is_name(name)) else {
                continue;
            };
            match name.split_once('.') {
                Some((module, _)) => modules.push(module.to_owned()),
                None if !line.contains("Metric::") => continue,
                None => {}
            }
            found.push(Named {
                place: format!("{}:{number}", file.path),
                name: name.replace('.', "_"),
            });
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    text.ends_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_of_name)
}

/// Names in the table's first column. What follows `by` is a label, and `…` stands for the module
/// of the row's first name.
fn of_page(page: &Source, modules: &[String]) -> Vec<Named> {
    let lines = (1..).zip(page.text.lines());
    let section = lines.skip_while(|(_, line)| *line != HEADING).skip(1);
    let rows = section.take_while(|(_, line)| !line.starts_with('#'));
    let mut found = Vec::new();
    for (number, row) in rows {
        let Some(cell) = row.strip_prefix('|').and_then(|row| row.split('|').next()) else {
            continue;
        };
        let mut module = "";
        let mut parts = cell.split('`');
        while let (Some(before), Some(name)) = (parts.next(), parts.next()) {
            if before.ends_with("by ") {
                continue;
            }
            let name = match name.strip_prefix('…') {
                Some(rest) => format!("{module}_{rest}"),
                None => {
                    let is_its = |module: &&String| name.starts_with(&format!("{module}_"));
                    module = modules.iter().find(is_its).map_or("", String::as_str);
                    name.to_owned()
                }
            };
            found.push(Named {
                place: format!("{PAGE}:{number}"),
                name,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_page_have_the_same_metrics() {
        const CODE: &str = "const A: Metric = Metric::counter(\"tollgate.some_cache.kept\");\n\
                            count(\"tollgate.some_cache.bytes_of_2\");\n\
                            Metric::counter(\"tollgate.requests\").with(\"outcome\", name)\n\
                            publish(\"tollgate.cache\"); share(\"tollgate/1/some-cache/2.0\");\n\
                            starts_with(\"tollgate.some_cache.\");\n\
                            // \"tollgate.some_cache.gone\"";
        let rows: [(&str, &[&str]); 6] = [
            (
                "| `requests` by `outcome` | `kept` |\n| `some_cache_kept`, `…bytes_of_2` by `size` | `x` |",
                &[],
            ),
            (
                "| `requests` | |\n| `some_cache_bytes_of_2` by `a`, `…kept` by `b` | |\n\n## Next\n| `other` | |",
                &[],
            ),
            (
                "| `requests` | |\n| `some_cache_kept` | `some_cache_bytes_of_2` |",
                &[
                    "filters/core/src/a.rs:2: README.md does not say what `some_cache_bytes_of_2` counts",
                ],
            ),
            (
                "| `requests` | |\n| `some_cache_kept`, `…bytes_of_2`, `…gone` | |",
                &["README.md:6: no filter has a metric `some_cache_gone`"],
            ),
            (
                "| `some_cache_kept`, `…bytes_of_2` | |",
                &["filters/core/src/a.rs:3: README.md does not say what `requests` counts"],
            ),
            (
                "| `requests`, `kept` | |\n| `some_cache_kept`, `…bytes_of_2` | |",
                &["README.md:5: no filter has a metric `kept`"],
            ),
        ];
        for (table, expected) in rows {
            let page = format!("| `before` | |\n\n{HEADING}\n| metric | what |\n{table}\n");
            let files = [(PAGE, &*page), ("filters/core/src/a.rs", CODE)];
            let files = files.map(|(path, text)| Source {
                path: path.to_owned(),
                text: text.to_owned(),
            });
            let mut breaches = Vec::new();
            check(&files, &mut breaches);
            assert_eq!(breaches, expected, "{table}");
        }
    }
}
