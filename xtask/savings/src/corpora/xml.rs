//! Tools that answer in XML.

use std::fmt::Write as _;

use serde_json::json;

use super::{SYSTEM, turns};
use crate::Random;
use crate::conversation::Conversation;
use crate::words::{CITIES, NOUNS};

pub(super) fn conversation(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    conversation.tool(
        "soap_call",
        "Call an operation of the old order system.",
        "operation",
    );
    turns(random, &mut conversation, |random, conversation| {
        let pretty = orders(random);
        let answer = match random.chance(4) {
            // One in four services writes it on one line.
            true => pretty.lines().map(str::trim_start).collect(),
            false => pretty,
        };
        let operation = json!({"operation": random.function()});
        conversation.call(random, "soap_call", &operation, &answer);
    });
    conversation
}

fn orders(random: &mut Random) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<orders version=\"2\">\n".to_owned();
    for _ in 0..random.between(2, 9) {
        let _ = write!(
            xml,
            "  <order id=\"{}\" status=\"{}\">\n    <customer>\n      <name>{}</name>\n      <city>{}</city>\n    </customer>\n    <created>{}</created>\n    <items>\n",
            random.below(90_000),
            random.one(&["open", "paid", "shipped"]),
            random.name(),
            random.one(CITIES),
            random.time()
        );
        for _ in 0..random.between(1, 6) {
            let _ = write!(
                xml,
                "      <item sku=\"{}\">\n        <title>{}</title>\n        <quantity>{}</quantity>\n        <price currency=\"EUR\">{}.{:02}</price>\n      </item>\n",
                random.hex(6),
                random.title(),
                random.between(1, 9),
                random.below(900),
                random.below(100)
            );
        }
        let _ = write!(
            xml,
            "    </items>\n    <note>{}</note>\n    <tag>{}</tag>\n  </order>\n",
            random.sentence(),
            random.one(NOUNS)
        );
    }
    xml.push_str("</orders>\n");
    xml
}
