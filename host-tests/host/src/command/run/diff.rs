//! Lines of a comparison, and the headers of a message before and after.

use std::collections::BTreeSet;

use tollgate_host::Headers;

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub sign: Sign,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Same,
    Gone,
    New,
    /// Unchanged lines were left out here.
    Gap,
}

impl Line {
    pub fn new(sign: Sign, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { sign, text }
    }

    /// With its sign in front.
    #[cfg(test)]
    pub fn plain(&self) -> String {
        let sign = match self.sign {
            Sign::Same => ' ',
            Sign::Gone => '-',
            Sign::New => '+',
            Sign::Gap => '…',
        };
        format!("{sign}{}", self.text)
    }
}

/// Fields by name, in the order of `before`; values of a name in theirs.
pub fn headers(before: &Headers, after: &Headers) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, _) in before.iter().chain(after.iter()) {
        let name = String::from_utf8_lossy(name).into_owned();
        if !seen.insert(name.clone()) {
            continue;
        }
        let values = |headers: &Headers| -> Vec<String> {
            let all = headers.all(&name);
            all.map(|value| format!("{name}: {}", String::from_utf8_lossy(value)))
                .collect()
        };
        let (old, new) = (values(before), values(after));
        if old == new {
            lines.extend(old.into_iter().map(|line| Line::new(Sign::Same, line)));
        } else {
            lines.extend(old.into_iter().map(|line| Line::new(Sign::Gone, line)));
            lines.extend(new.into_iter().map(|line| Line::new(Sign::New, line)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_stand_by_name() {
        let before = Headers::from([("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")]);
        let after = Headers::from([("a", "1"), ("c", "3"), ("d", "5")]);
        let lines = headers(&before, &after);
        let lines: Vec<String> = lines.iter().map(Line::plain).collect();
        assert_eq!(lines.join("|"), " a: 1|-b: 2|-c: 3|-c: 4|+c: 3|+d: 5");
    }
}
