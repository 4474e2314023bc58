//! Tools that answer in rows and columns, and in YAML: what no transform may touch, and little
//! that it can.

use serde_json::json;

use super::{SYSTEM, turns};
use crate::Random;
use crate::conversation::Conversation;
use crate::words::{CITIES, NOUNS};

pub(super) fn conversation(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    conversation.tool("query", "Run a query and give its rows.", "sql");
    turns(random, &mut conversation, |random, conversation| {
        let rows: Vec<[String; 4]> = (0..random.between(8, 40)).map(|_| row(random)).collect();
        let table = match random.below(5) {
            0 => csv(&rows),
            1 => markdown(&rows),
            2 => psql(&rows),
            3 => json_lines(&rows),
            _ => yaml(&rows),
        };
        let sql = json!({"sql": format!("select * from {}", random.one(NOUNS))});
        conversation.call(random, "query", &sql, &table);
    });
    conversation
}

const COLUMNS: [&str; 4] = ["id", "name", "city", "amount"];

fn row(random: &mut Random) -> [String; 4] {
    [
        random.below(90_000).to_string(),
        random.name(),
        random.one(CITIES).to_owned(),
        format!("{}.{:02}", random.below(900), random.below(100)),
    ]
}

fn lines(rows: &[[String; 4]], line: impl Fn(&[String; 4]) -> String) -> String {
    rows.iter().map(|row| line(row) + "\n").collect()
}

fn csv(rows: &[[String; 4]]) -> String {
    format!(
        "{}\n{}",
        COLUMNS.join(","),
        lines(rows, |row| row.join(","))
    )
}

fn markdown(rows: &[[String; 4]]) -> String {
    let head = format!("| {} |\n|---|---|---|---|\n", COLUMNS.join(" | "));
    head + &lines(rows, |row| format!("| {} |", row.join(" | ")))
}

fn psql(rows: &[[String; 4]]) -> String {
    let line = |[id, name, city, amount]: [&str; 4]| {
        format!(" {id:>5} | {name:<20} | {city:<10} | {amount:>8}")
    };
    let rule = format!("-{0:->5}-+-{0:->20}-+-{0:->10}-+-{0:->8}-", "");
    let rows_below = lines(rows, |row| line(row.each_ref().map(String::as_str)));
    format!(
        "{}\n{rule}\n{rows_below}({} rows)\n",
        line(COLUMNS),
        rows.len()
    )
}

fn json_lines(rows: &[[String; 4]]) -> String {
    lines(rows, |row| {
        let pairs = COLUMNS.iter().zip(row);
        let object: serde_json::Map<_, _> = pairs
            .map(|(column, value)| ((*column).to_owned(), json!(value)))
            .collect();
        serde_json::Value::from(object).to_string()
    })
}

fn yaml(rows: &[[String; 4]]) -> String {
    lines(rows, |[id, name, city, amount]| {
        format!("- id: {id}\n  name: {name}\n  city: {city}\n  amount: {amount}")
    })
}
