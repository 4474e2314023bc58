//! Lists of like JSON objects: their names are said once.
//!
//! What databases and search engines answer repeats every name in every record. Such a text
//! becomes one JSON object of `columns` and `rows`, the form that data frames are exchanged in:
//! what reads JSON still reads it, and it says of itself what is what. A record that has other
//! names than the first, or the same in another order, stays an object among the rows, so that
//! what it has not is not confused with `null`.
//!
//! Values keep their spelling: numbers are not computed, strings keep their escapes. A text with
//! anything but objects in its list, or with a name twice in an object, is left alone.

use super::gap;
use super::keys::{Keys, LeftAlone};
use super::splice::Splice;
use crate::json::{Container, Handler, Lexer, Literal, MAX_DEPTH, Number, Place};

/// Fewer like records are no table.
const FEWEST_ROWS: usize = 3;

/// The table has to be smaller by one in so many bytes than the list without white space.
const LEAST_SAVING: usize = 8;

/// What stands around and between columns and rows.
const TABLE: [&str; 3] = ["{\"columns\":[", "],\"rows\":[", "]}"];

/// `text` as a table, if it is a list of records and smaller as one.
pub fn table(text: &str) -> Vec<Splice> {
    let list = text
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let list = list.unwrap_or_default().trim();
    if !list.starts_with('{') || !list.ends_with('}') {
        return Vec::new();
    }
    let table = read(text).filter(Records::is_worth_it);
    table
        .map(|records| Splice {
            range: 0..text.len(),
            text: records.into_table(),
        })
        .into_iter()
        .collect()
}

fn read(text: &str) -> Option<Records<'_>> {
    let mut records = Records {
        text: text.as_bytes(),
        done: 0,
        depth: 0,
        keys: Keys::default(),
        columns: Vec::new(),
        is_like: true,
        members: 0,
        row: Vec::new(),
        object: Vec::new(),
        rows: Vec::new(),
        like_rows: 0,
        all_rows: 0,
        string: (0, Place::Value),
        compact: 0,
    };
    let mut lexer = Lexer::new(MAX_DEPTH);
    lexer.push(text.as_bytes(), &mut records).ok()?;
    lexer.finish(&mut records).ok()?;
    Some(records)
}

/// How deep the list's own brackets, and its records', are.
const LIST: usize = 1;
const RECORD: usize = 2;

/// The records as they come, without the white space between their tokens.
struct Records<'t> {
    text: &'t [u8],
    /// Where the last token ended.
    done: usize,
    depth: usize,
    keys: Keys,
    /// The first record's names, with their quotes.
    columns: Vec<&'t [u8]>,
    /// Whether the record has had these names so far, and how many.
    is_like: bool,
    members: usize,
    /// The record's values, and the record itself.
    row: Vec<u8>,
    object: Vec<u8>,
    rows: Vec<u8>,
    like_rows: usize,
    all_rows: usize,
    /// Where the string that is being read began, and what it is.
    string: (usize, Place),
    /// Bytes of the list without white space.
    compact: usize,
}

impl Records<'_> {
    fn is_worth_it(&self) -> bool {
        let names = self.columns.iter().map(|name| name.len().saturating_add(1));
        let table = self
            .rows
            .len()
            .saturating_add(names.sum())
            .saturating_add(TABLE.iter().map(|part| part.len()).sum());
        let has_words = |name: &&[u8]| {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
            name.iter().any(is_word)
        };
        self.like_rows >= FEWEST_ROWS
            && self.columns.iter().all(has_words)
            && table < self.compact.saturating_sub(self.compact / LEAST_SAVING)
    }

    fn into_table(self) -> String {
        let [head, middle, end] = TABLE.map(str::as_bytes);
        let columns = self.columns.join(&b',');
        let parts = [head, &columns, middle, &self.rows, end];
        String::from_utf8(parts.concat()).unwrap_or_default()
    }

    /// Takes a token in, and the sign ahead of it.
    fn token(&mut self, start: usize, end: usize, part: Part) -> Result<(), LeftAlone> {
        let between = self.text.get(self.done..start).unwrap_or_default();
        let sign = gap::sign(between).and_then(|at| between.get(at));
        let token = self.text.get(start..end).unwrap_or_default();
        let len = usize::from(sign.is_some()).saturating_add(token.len());
        self.compact = self.compact.saturating_add(len);
        self.done = end;
        if part == Part::List {
            return Ok(());
        }
        self.object.try_reserve(len).map_err(|_| LeftAlone)?;
        self.object.extend(sign);
        self.object.extend_from_slice(token);
        let comma = match part {
            Part::Value => (self.members > 1).then_some(&b','),
            Part::Nested => sign,
            Part::List | Part::Name => return Ok(()),
        };
        self.row.try_reserve(len).map_err(|_| LeftAlone)?;
        self.row.extend(comma);
        self.row.extend_from_slice(token);
        Ok(())
    }

    /// A value begins and ends here, or is a container that opens.
    fn value(&mut self, start: usize, end: usize) -> Result<(), LeftAlone> {
        match self.depth {
            0 | LIST => Err(LeftAlone),
            RECORD => self.token(start, end, Part::Value),
            _ => self.token(start, end, Part::Nested),
        }
    }

    /// A record ends with this bracket.
    fn end(&mut self, end: usize) -> Result<(), LeftAlone> {
        self.token(end.saturating_sub(1), end, Part::Name)?;
        let is_like = self.is_like && self.members == self.columns.len();
        let row: [&[u8]; 4] = match is_like {
            true => [b",", b"[", &self.row, b"]"],
            false => [b",", b"", &self.object, b""],
        };
        let parts = row
            .get(usize::from(self.all_rows == 0)..)
            .unwrap_or_default();
        let len = self.object.len().saturating_add(1);
        self.rows.try_reserve(len).map_err(|_| LeftAlone)?;
        for part in parts {
            self.rows.extend_from_slice(part);
        }
        self.all_rows = self.all_rows.saturating_add(1);
        self.like_rows = self.like_rows.saturating_add(usize::from(is_like));
        Ok(())
    }
}

/// What a token belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The list around the records.
    List,
    /// A record, but not its row.
    Name,
    /// A member's value, or the bracket that opens it.
    Value,
    /// The rest of such a value.
    Nested,
}

impl Handler for Records<'_> {
    type Error = LeftAlone;

    fn open(&mut self, container: Container, at: usize) -> Result<(), LeftAlone> {
        let end = at.saturating_add(1);
        match (self.depth, container) {
            (0, Container::Array) => self.token(at, end, Part::List)?,
            (LIST, Container::Object) => {
                self.row.clear();
                self.object.clear();
                self.is_like = true;
                self.members = 0;
                self.token(at, end, Part::List)?;
                self.object.push(b'{');
            }
            _ => self.value(at, end)?,
        }
        if container == Container::Object {
            self.keys.open();
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn close(&mut self, container: Container, end: usize) -> Result<(), LeftAlone> {
        if container == Container::Object {
            self.keys.close()?;
        }
        match self.depth {
            LIST => self.token(end.saturating_sub(1), end, Part::List)?,
            RECORD => self.end(end)?,
            _ => self.token(end.saturating_sub(1), end, Part::Nested)?,
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn string_start(&mut self, place: Place, at: usize) -> Result<(), LeftAlone> {
        self.string = (at, place);
        Ok(())
    }

    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), LeftAlone> {
        let (start, place) = self.string;
        let end = at.saturating_add(1);
        if place == Place::Value {
            return self.value(start, end);
        }
        let content = self
            .text
            .get(start.saturating_add(1)..at)
            .unwrap_or_default();
        self.keys.add(content, escaped)?;
        if self.depth != RECORD {
            return self.token(start, end, Part::Nested);
        }
        let name = self.text.get(start..end).unwrap_or_default();
        if self.all_rows == 0 {
            self.columns.push(name);
        } else if self.columns.get(self.members) != Some(&name) {
            self.is_like = false;
        }
        self.members = self.members.saturating_add(1);
        self.token(start, end, Part::Name)
    }

    fn number(&mut self, _: Number, start: usize, end: usize) -> Result<(), LeftAlone> {
        self.value(start, end)
    }

    fn literal(&mut self, _: Literal, start: usize, end: usize) -> Result<(), LeftAlone> {
        self.value(start, end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::super::splice::apply;
    use super::*;
    use crate::tokens::{Encoding, exact};

    fn tabled(text: &str) -> String {
        apply(text, &table(text))
    }

    #[test]
    fn lists_become_tables() {
        for (text, expected) in [
            (
                r#"[{"id":1,"name":"a"},{"id":2,"name":"b"},{"id":3,"name":"c"}, {"id":4,"name":"d"}]"#,
                r#"{"columns":["id","name"],"rows":[[1,"a"],[2,"b"],[3,"c"],[4,"d"]]}"#,
            ),
            // Spellings stay, white space goes.
            (
                "\n[ {\"number\" : 1.50e+400, \"text\": \"a \\u00e9, b: c\"},\r\n{\"number\":-0,\"text\":\"\"},{\"number\":123456789012345678901234567890,\"text\":\"[\"}, {\"number\":1E5,\"text\":\"\"},{\"number\":1,\"text\":\"\"} ] ",
                "{\"columns\":[\"number\",\"text\"],\"rows\":[[1.50e+400,\"a \\u00e9, b: c\"],[-0,\"\"],[123456789012345678901234567890,\"[\"],[1E5,\"\"],[1,\"\"]]}",
            ),
            // Nested values, and records that are not alike.
            (
                r#"[{"name":{"first": "a", "last": [1, 2]},"number":[]},{"name":null,"number":{}},{"name":true,"number":[ [ ] ]},{"name":1,"number":1},{"name":2,"number":2},{"name":3,"number":3},{"name":4,"number":4},{"name":5,"number":5},{"number":1,"name":2},{"name":3},{},{"name":4,"number":5,"more":6}]"#,
                r#"{"columns":["name","number"],"rows":[[{"first":"a","last":[1,2]},[]],[null,{}],[true,[[]]],[1,1],[2,2],[3,3],[4,4],[5,5],{"number":1,"name":2},{"name":3},{},{"name":4,"number":5,"more":6}]}"#,
            ),
            // As few records as make one.
            (
                r#"[{"the name of it":1,"its number":1},{"the name of it":2,"its number":1},{"the name of it":3,"its number":1}]"#,
                r#"{"columns":["the name of it","its number"],"rows":[[1,1],[2,1],[3,1]]}"#,
            ),
        ] {
            assert_eq!(tabled(text), expected);
        }
    }

    #[test]
    fn what_is_left_alone() {
        let many = |record: &str| format!("[{}]", vec![record; 40].join(","));
        for text in [
            "".to_owned(),
            "[]".to_owned(),
            "[".to_owned(),
            "[{}]".to_owned(),
            many("{}"),
            many("1"),
            many(r#"{"name":1},2"#),
            many(r#"{"name":1},[2]"#),
            many(r#"{"name":1,"name":2}"#),
            many(r#"{"name":1,"n\u0061me":2}"#),
            many(r#"{"name":{"a":1,"a":2}}"#),
            many(r#"{"name":01}"#),
            many(r#"{"name":1,}"#),
            many(r#"{"":1}"#),
            many(r#"{"name":1}"#) + " and so on",
            format!(r#"[{{"name":1}},{{"name":2}}]{}"#, " ".repeat(100)),
            format!(r#"{{"list":{}}}"#, many(r#"{"name":1}"#)),
            // One record less than a table must have.
            format!(
                "[{}]",
                vec![format!(r#"{{"{}":1}}"#, "a name ".repeat(40)); 2].join(",")
            ),
            many(&format!(r#"{{"name":"{}"}}"#, "a long text ".repeat(40))),
            many(&format!(
                r#"{{"name":{}{}}}"#,
                "[".repeat(200),
                "]".repeat(200)
            )),
            "[{".repeat(500_000) + &"}]".repeat(500_000),
            many(r#"{"name":1}"#).replace(',', "，"),
        ] {
            assert!(table(&text).is_empty(), "{}", tabled(&text));
        }
    }

    #[test]
    fn long_lists() {
        let text = format!(
            "[{}]",
            vec![r#"{"name":"value","number":17}"#; 40_000].join(",")
        );
        let table = tabled(&text);
        assert_eq!(back(&table), serde_json::from_str::<Value>(&text).unwrap());
        assert!(table.len() < text.len() * 6 / 10);
    }

    /// The list that a table is of.
    fn back(table: &str) -> Value {
        let Value::Object(table) = serde_json::from_str(table).unwrap() else {
            panic!("{table}");
        };
        assert_eq!(table.len(), 2);
        let columns = table["columns"].as_array().unwrap();
        let record = |row: &Value| match row {
            Value::Array(values) => {
                assert_eq!(values.len(), columns.len());
                let names = columns.iter().map(|name| name.as_str().unwrap().to_owned());
                Value::Object(names.zip(values.iter().cloned()).collect::<Map<_, _>>())
            }
            object => object.clone(),
        };
        table["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(record)
            .collect()
    }

    fn value() -> impl Strategy<Value = Value> {
        let flat = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z ,:\"\\\\\\[\\]{}é\n=/_-]{0,12}".prop_map(Value::from),
        ];
        flat.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn laws(
            names in proptest::collection::btree_set("[a-zA-Z_$@é-]{0,9}", 1..5),
            rows in proptest::collection::vec((proptest::collection::vec(value(), 5), 0..12u8), 0..12),
            is_pretty in any::<bool>(),
        ) {
            let record = |(values, kind): &(Vec<Value>, u8)| {
                let skip = usize::from(*kind == 0);
                let mut record: Map<_, _> = names.iter().cloned().zip(values.iter().cloned()).skip(skip).collect();
                if *kind == 1 {
                    record.insert("more".to_owned(), json!(1));
                }
                Value::Object(record)
            };
            let list: Value = rows.iter().map(record).collect();
            let text = match is_pretty {
                true => serde_json::to_string_pretty(&list).unwrap(),
                false => list.to_string(),
            };
            let after = tabled(&text);
            prop_assert!(table(&after).is_empty(), "idempotent");
            let count = |text: &str| exact::count(Encoding::O200k, text);
            prop_assert!(count(&after) <= count(&text), "{}", after);
            if after != text {
                prop_assert_eq!(back(&after), serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
