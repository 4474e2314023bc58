//! Rows of XML, and random documents, beside a reader that knows nothing of it.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::json::MAX_DEPTH;
use crate::prompt_minimizer::splice::apply;
use crate::prompt_minimizer::structure::minify;
use crate::prompt_minimizer::structure::tests::{self, changed};

#[test]
fn texts_and_what_is_left_of_them() {
    for (text, left) in [
        (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<doc>\n  <entry>1  2</entry>\n  <c x = '1'\n y=\"&lt;\"/>\n</doc>\n",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><doc><entry>1  2</entry><c x = '1'\n y=\"&lt;\"/></doc>",
        ),
        (
            "\r\n<n:doc>\r\n\t\t<entry></entry>\r\n\r\n\t<entry/>\r\n</n:doc >",
            "<n:doc><entry></entry><entry/></n:doc >",
        ),
        // What has text, or might have, keeps its whitespace; what is inside it does not.
        (
            "<x>\n  <y>a<z/>\n  <w>\n    <v/>\n  </w>\n  </y>\n</x>",
            "<x><y>a<z/>\n  <w><v/></w>\n  </y></x>",
        ),
        (
            "<x>\n  <y>\n   <z/>\n  </y>\n  <y>a</y>\n</x>",
            "<x><y>\n   <z/>\n  </y><y>a</y></x>",
        ),
        (
            "<x>\n  <y>\n   <z/> <z/>\n  </y>\n</x>",
            "<x><y>\n   <z/> <z/>\n  </y></x>",
        ),
        (
            "<x>\n  <y>\n   <z/>&#32;<z/>\n  </y>\n</x>",
            "<x><y>\n   <z/>&#32;<z/>\n  </y></x>",
        ),
        (
            "<x>\n  <y>\n   <!-- a -->\n   <z/>\n  </y>\n</x>",
            "<x><y>\n   <!-- a -->\n   <z/>\n  </y></x>",
        ),
        (
            "<x>\n  <y>\n   <![CDATA[<]]>\n   <z/>\n  </y>\n</x>",
            "<x><y>\n   <![CDATA[<]]>\n   <z/>\n  </y></x>",
        ),
        (
            "<x>\n  <y>\n   <?z a?>\n   <z/>\n  </y>\n</x>",
            "<x><y>\n   <?z a?>\n   <z/>\n  </y></x>",
        ),
        // An element of whitespace alone.
        ("<x>\n  <y>\n  </y>\n  <y/>\n</x>", "<x><y>\n  </y><y/></x>"),
        (
            "<x>\n  <y>\u{a0}\n</y>\n  <y/>\n</x>",
            "<x><y>\u{a0}\n</y><y/></x>",
        ),
    ] {
        for is_tool in [false, true] {
            let splices = minify(text, is_tool);
            assert_eq!(apply(text, &splices), left, "{text:?}");
            assert_eq!(minify(left, is_tool), [], "{left:?}");
        }
    }
}

#[test]
fn what_is_left_alone() {
    let pretty = "<doc>\n  <c1/>\n  <c2>x</c2>\n</doc>";
    assert_ne!(minify(pretty, false), []);
    for (before, after) in [
        ("<!DOCTYPE a>\n", ""),
        ("<!doctype html>\n", ""),
        ("<!-- a -->\n", ""),
        ("<?b c?>\n", ""),
        ("\n<?xml version='1.0'?>", ""),
        ("<?xml version='1.1'?>", ""),
        ("<?xml encoding='UTF-8'?>", ""),
        ("<?xml version='1.0' standalone='no' encoding='UTF-8'?>", ""),
        ("\u{feff}", ""),
        ("Here:\n", ""),
        ("", "\nDone."),
        ("", pretty),
        ("```xml\n", "\n```"),
        ("<x xml:space=\"preserve\">", "</x>"),
        ("<x xml:space='default'>", "</x>"),
        ("<x xmlns='http://www.w3.org/1999/xhtml'>", "</x>"),
        ("<p>", "</p>"),
        ("<html>\n", "\n</html>"),
        ("<h:SPAN>", "</h:SPAN>"),
        ("<w:p>\n", "\n</w:p>"),
        ("<x>", ""),
        ("", "</x>"),
        ("<x>", "</y>"),
        ("<x>", "</X>"),
        ("<x y>", "</x>"),
        ("<x y=1>", "</x>"),
        ("<x y='<'>", "</x>"),
        ("<x y='&nbsp;'>", "</x>"),
        ("<x y='1' y='2'>", "</x>"),
        ("<x y='1'z='2'>", "</x>"),
        ("<x>&nbsp;", "</x>"),
        ("<x>a & b", "</x>"),
        ("<x>&#0;", "</x>"),
        ("<x>&#x110000;", "</x>"),
        ("<x>&#+32;", "</x>"),
        ("<x>&#;", "</x>"),
        ("<x>]]>", "</x>"),
        ("<x>\u{1}", "</x>"),
        ("<x>\u{ffff}", "</x>"),
        ("<x><!-- -- -->", "</x>"),
        ("<x><!-- --->", "</x>"),
        ("<x><!ELEMENT a>", "</x>"),
        ("<x><?xml a?>", "</x>"),
        ("<x><![CDATA[", "</x>"),
        ("<1x>", "</1x>"),
        ("<:x>", "</:x>"),
        ("<x:y:z>", "</x:y:z>"),
        ("< x>", "</ x>"),
    ] {
        let text = format!("{before}{pretty}{after}");
        assert_eq!(minify(&text, true), [], "{text:?}");
    }
    for text in [
        "<doc/>",
        "<doc/>\n",
        "<doc> <entry/> </doc>",
        "<doc>\n</doc>",
        "<doc>\n  text\n</doc>",
        "<",
        ">",
        "<>\n",
        "</doc>\n<doc>",
    ] {
        assert_eq!(minify(text, true), [], "{text:?}");
    }
}

#[test]
fn limits() {
    let nested = |depth: usize| {
        format!(
            "{}<entry/>{}",
            "<doc>\n   ".repeat(depth),
            "\n   </doc>".repeat(depth)
        )
    };
    let deepest = nested(usize::from(MAX_DEPTH));
    let left = format!("{}<entry/>{}", "<doc>".repeat(128), "</doc>".repeat(128));
    assert_eq!(apply(&deepest, &minify(&deepest, true)), left);
    assert_eq!(minify(&nested(129), true), []);
    assert_eq!(minify(&nested(100_000), true), []);
    let named = |names: usize| {
        let elements: Vec<String> = (1..names).map(|n| format!("  <e{n}/>\n")).collect();
        format!("<e>\n{}</e>", elements.concat())
    };
    assert_eq!(minify(&named(1024), true).len(), 1024);
    assert_eq!(minify(&named(1025), true), []);
    let described = |attributes: usize| {
        let attributes: Vec<String> = (0..attributes).map(|n| format!(" a{n}=''")).collect();
        format!("<doc>\n   <entry{}/>\n</doc>", attributes.concat())
    };
    assert_eq!(minify(&described(64), true).len(), 2);
    assert_eq!(minify(&described(65), true), []);
    let long = format!(
        "<doc>\n  <c1>{}</c1>\n</doc>",
        "word &amp; ".repeat(100_000)
    );
    assert_eq!(minify(&long, true).len(), 2);
}

/// A node of a document as a reader sees it.
#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Opaque(String),
    Element {
        name: String,
        attributes: String,
        nodes: Vec<Node>,
    },
}

fn nodes() -> impl Strategy<Value = Node> {
    let name = "(x|item|id|to|n:y|[A-Z][a-z]{1,6})";
    let attributes = prop_oneof![3 => Just(String::new()), 1 => "( [a-c]=\"[ -%'-;=?-~]{0,8}\")?"];
    let leaf = prop_oneof![
        4 => "[a-z0-9.,()/ ]{1,12}".prop_map(Node::Text),
        1 => "[ \\n]{1,3}|&amp;|&#10;|[ -%'-;=?-\\\\^-~]{1,6}".prop_map(Node::Text),
        1 => proptest::sample::select(vec!["<!-- a -->", "<![CDATA[ <b> ]]>", "<?php echo?>"]).prop_map(|text| Node::Opaque(text.to_owned())),
        2 => name.prop_map(|name| Node::Element { name, attributes: String::new(), nodes: vec![] }),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        let one_text = "[a-z0-9 ]{1,12}".prop_map(|text| vec![Node::Text(text)]);
        let content = prop_oneof![
            2 => one_text,
            3 => proptest::collection::vec(inner.prop_map(element), 0..5),
            1 => proptest::collection::vec(nodes_of_text(), 0..4),
        ];
        (name, attributes.clone(), content).prop_map(|(name, attributes, nodes)| Node::Element {
            name,
            attributes,
            nodes,
        })
    })
}

/// The node as an element.
fn element(node: Node) -> Node {
    match node {
        Node::Element { .. } => node,
        content => Node::Element {
            name: "value".to_owned(),
            attributes: String::new(),
            nodes: vec![content],
        },
    }
}

fn nodes_of_text() -> impl Strategy<Value = Node> {
    prop_oneof![
        "[a-z ]{1,6}".prop_map(Node::Text),
        Just(Node::Opaque("<!-- - -->".to_owned())),
        "(x|item|id)".prop_map(|name| Node::Element {
            name,
            attributes: String::new(),
            nodes: vec![]
        }),
    ]
}

/// Writes the node; elements in elements on lines of their own, indented by `gap` for each.
fn write(node: &Node, gap: &str, depth: usize, text: &mut String) {
    match node {
        Node::Text(content) | Node::Opaque(content) => text.push_str(content),
        Node::Element {
            name,
            attributes,
            nodes,
        } if nodes.is_empty() => text.push_str(&format!("<{name}{attributes}/>")),
        Node::Element {
            name,
            attributes,
            nodes,
        } => {
            text.push_str(&format!("<{name}{attributes}>"));
            let is_pretty = nodes
                .iter()
                .all(|node| matches!(node, Node::Element { .. }));
            for node in nodes {
                if is_pretty {
                    text.push_str(&format!("\n{}", gap.repeat(depth + 1)));
                }
                write(node, gap, depth + 1, text);
            }
            if is_pretty {
                text.push_str(&format!("\n{}", gap.repeat(depth)));
            }
            text.push_str(&format!("</{name}>"));
        }
    }
}

/// Every event of a document but whitespace that stands between elements on new lines, where
/// none of that element's content is anything else: what remains must be equal.
fn meaning(text: &str) -> Result<Vec<String>, roxmltree::Error> {
    let wrapped = format!(
        "<w xmlns:n=\"n\">{}</w>",
        text.strip_prefix("<?xml version=\"1.0\"?>").unwrap_or(text)
    );
    let document = roxmltree::Document::parse(&wrapped)?;
    let mut events = vec![];
    for node in document.descendants() {
        let is_only_elements = |parent: roxmltree::Node<'_, '_>| {
            parent.children().any(|child| child.is_element())
                && parent.children().all(|child| {
                    let text = child.text().unwrap_or_default();
                    child.is_element()
                        || child.is_text() && text.trim_matches([' ', '\n', '\r', '\t']).is_empty()
                })
        };
        if node.is_text() && node.parent().is_some_and(is_only_elements) {
            continue;
        }
        let depth = node.ancestors().count();
        let attributes: Vec<_> = node
            .attributes()
            .map(|attribute| (attribute.name(), attribute.value()))
            .collect();
        events.push(format!(
            "{depth} {:?} {:?} {:?} {attributes:?} {:?}",
            node.node_type(),
            node.tag_name(),
            node.text().filter(|_| !node.is_element()),
            node.pi()
        ));
    }
    Ok(events)
}

fn check(text: &str) -> Result<bool, TestCaseError> {
    let Some(left) = tests::check(text, true)? else {
        return Ok(false);
    };
    for splice in minify(text, true) {
        let taken = &text[splice.range.clone()];
        prop_assert!(taken.contains('\n') && taken.bytes().all(|byte| b" \n\r\t".contains(&byte)));
        prop_assert_eq!(splice.text, "");
    }
    prop_assert_eq!(meaning(&left).ok(), meaning(text).ok());
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_left_of_xml_says_the_same(node in nodes(), gap in " {0,4}|\\t", declared in any::<bool>()) {
        let mut text = String::from(if declared { "<?xml version=\"1.0\"?>\n" } else { "" });
        write(&node, &gap, 0, &mut text);
        check(&text)?;
    }

    #[test]
    fn what_a_parser_refuses_is_left_alone(
        node in nodes(),
        changes in proptest::collection::vec((any::<Index>(), "[<>/!?&;='\" a\\n-]{0,2}", 0usize..3), 1..3),
    ) {
        let mut text = String::new();
        write(&node, "  ", 0, &mut text);
        let text = changed(&text, changes);
        if check(&text)? {
            // Prefixes may be declared where the text came from.
            let refused = meaning(&text).err();
            let is_of_prefix = matches!(refused, Some(roxmltree::Error::UnknownNamespace(..)));
            prop_assert!(refused.is_none() || is_of_prefix, "{:?}: {}", refused, text);
        }
    }
}
