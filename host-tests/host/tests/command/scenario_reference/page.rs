//! SCENARIOS.md, taken apart.

/// Its sections with a table of keys, and every toml example.
pub struct Page {
    pub sections: Vec<Section>,
    pub examples: Vec<String>,
}

/// One that lists the keys of the tables in its heading.
pub struct Section {
    pub heading: String,
    /// Paths such as `steps.request`; empty for the file itself.
    pub tables: Vec<String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub key: String,
    pub kind: String,
    pub about: String,
}

/// Heads every table of keys.
const HEAD: &str = "| key | type | default | what it is |";

impl Page {
    pub fn read(markdown: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        let mut heading = String::new();
        let mut examples = Vec::new();
        let mut lines = markdown.lines();
        while let Some(line) = lines.next() {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title.to_owned();
            } else if line == "```toml" {
                let example = lines.by_ref().take_while(|line| *line != "```");
                examples.push(example.map(|line| format!("{line}\n")).collect());
            } else if line == HEAD {
                let rows = lines.by_ref().skip(1);
                let rows = rows.take_while(|line| line.starts_with('|'));
                sections.push(Section {
                    heading: heading.clone(),
                    tables: tables(&heading),
                    rows: rows.map(row).collect(),
                });
            }
        }
        Self { sections, examples }
    }

    pub fn row(&self, table: &str, key: &str) -> Option<&Row> {
        let rows = self.rows();
        let mut rows = rows.filter(|(found, row)| *found == table && row.key == key);
        rows.next().map(|(_, row)| row)
    }

    /// Each with each table it is a key of.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.sections.iter().flat_map(|section| {
            let tables = section.tables.iter();
            tables.flat_map(|table| section.rows.iter().map(|row| (table.as_str(), row)))
        })
    }
}

fn tables(heading: &str) -> Vec<String> {
    let named = heading.split('`').skip(1).step_by(2);
    let named: Vec<String> = named.map(str::to_owned).collect();
    if named.is_empty() {
        vec![String::new()]
    } else {
        named
    }
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [key, kind, _, about] = cells[..] else {
        panic!("SCENARIOS.md: a row of a table of keys has four cells: {line}")
    };
    Row {
        key: key.trim_matches('`').to_owned(),
        kind: kind.to_owned(),
        about: about.to_owned(),
    }
}
