//! Web pages as texts, row by row, and the laws over made-up ones.

use proptest::prelude::*;

use super::super::splice::apply;
use super::*;
use crate::tokens::{Encoding, exact};

fn read(text: &str) -> String {
    apply(text, &to_text(text))
}

#[test]
fn pages_become_text() {
    for (html, expected) in [
        (
            "<!DOCTYPE html>\n<html><head><title>News of\n the day</title><meta charset=utf-8><style>p > a { color: red }</style>\
             <script>if (a < b) { document.write('</p>') }</script></head><body class=\"a > b\"><!-- <p>no</p> --><h2>Rain</h2>\
             <p>It <b>rains</b>&nbsp;&amp; <i>pours</i>.<p>See <a href='/more?a=1&amp;b=2'>more</a>, <a href=\"#top\">top</a>.<br>Bye.</body></html>\n",
            "News of the day\n## Rain\nIt rains & pours.\nSee more (/more?a=1&b=2), top.\nBye.",
        ),
        (
            "<table class=\"wide striped\"><tr><th>Name<th>Number</tr>\n<tr><td></td><td align=right>1</td></tr><tr><td>a &lt; b</td><td></td><td>&#x20AC;&#8364;</td></tr></table>",
            "Name | Number\n| 1\na < b | | €€",
        ),
        (
            "<div class=\"list of things\"><ul id=\"things\"><li>one<li><p>two</p></li><li>three &unknown; 1 < 2</ul></div>",
            "- one\ntwo\n- three &unknown; 1 < 2",
        ),
        (
            "<div class='code of the page' id='code'><pre class=\"language-python highlighted\"><code>def f(x):\n    <span class=\"keyword\">return</span>  x &gt; 1\n</code></pre>  end  </div>",
            "def f(x):\n    return  x > 1\n\nend",
        ),
        (
            "<div><img src='a-long-address-of-an-image.png' alt='A &quot;cat&quot;'><svg viewBox='0 0 10 10'><path d='M0 0'/></svg></div>",
            "A \"cat\"",
        ),
        (
            "<div class='prices of the day'><p class='price'>It costs 10<sup>6</sup> <del>euros</del> pounds of H<sub>2</sub>O</p></div>",
            "It costs 10^6 ~~euros~~ pounds of H_2O",
        ),
    ] {
        assert_eq!(read(html), expected);
    }
}

#[test]
fn what_is_left_alone() {
    for text in [
        "",
        "<",
        "Look at <div class='a long name of a class'>this</div>",
        "<div class='a long name of a class'>this</div> is text",
        "<?xml version='1.0'?><div class='a long name of a class'>this</div>",
        "<note><to>you</to><from>me</from></note>",
        "<div class='a long name of a class'><p>this</p>",
        "<div class='a long name of a class'><b>this</div></b>",
        "<div class='a long name of a class'>this</div></div>",
        "<div class='a long name of a class>this</div>",
        "<div class='a long name of a class'><!-- this</div>",
        "<div class='a long name of a class'><script>this</div>",
        "<div class='a long name of a class'><![CDATA[this]]></div>",
        "<div class='a long name of a class'>&lt;p&gt;this&lt;/p&gt;</div>",
        "<div class='a long name of a class'></div>",
        "<p>Few tags, many words: who does this, and with what?</p>",
        "<div class='a long name of a class'><b<i>a</i></div>",
    ] {
        assert!(to_text(text).is_empty(), "{text}: {}", read(text));
    }
    let deep = "<div>".repeat(200_000) + "a" + &"</div>".repeat(200_000);
    for text in [
        deep,
        "<div>".repeat(200_000),
        "<div>".to_owned() + &"<!--".repeat(300_000) + ">",
        "<div>".to_owned() + &"<a ".repeat(300_000) + ">",
        "<div>".to_owned() + &"</".repeat(500_000) + ">",
        format!("<div>{}</div>", "a".repeat(1 << 20)),
        format!("<div>{}</div>", "&".repeat(1 << 20)),
    ] {
        assert!(to_text(&text).is_empty());
    }
}

#[test]
fn limits() {
    let nested = |depth: usize| format!("{}a{}", "<div>".repeat(depth), "</div>".repeat(depth));
    assert_eq!(read(&nested(MAX_DEPTH)), "a");
    assert_eq!(to_text(&nested(MAX_DEPTH + 1)), []);
    // The longest reference has eleven characters between its marks.
    for (reference, character) in [("&#0000008364;", "€"), ("&#00000008364;", "&#00000008364;")] {
        assert_eq!(
            read(&format!("<div class='a name'>{reference}</div>")),
            character
        );
    }
}

fn page() -> impl Strategy<Value = String> {
    let words = "([a-zé<&;\"' \n|#-]|&amp;|&lt;|&gt;|&#60;){0,12}";
    let part = (
        prop::sample::select(vec![
            "p", "div", "b", "a", "li", "td", "tr", "pre", "h3", "script", "span", "br", "img",
            "LI",
        ]),
        words,
        "[a-z]{0,12}",
        any::<u8>(),
    );
    proptest::collection::vec(part, 0..12).prop_map(|parts| {
        let mut page = "<div>".to_owned();
        let mut ends = String::new();
        for (name, words, attribute, kind) in parts {
            page += &format!("<{name} class='{attribute}' href='{attribute}' alt=\"{attribute}\">");
            match kind % 3 {
                0 => page += &format!("{words}</{name}>"),
                1 => page += &words,
                _ => {
                    page += &words;
                    ends = format!("</{name}>{ends}");
                }
            }
        }
        page + &ends + "</div>"
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn laws(text in prop_oneof![page(), "<(p|ul|html)>([<>/=!'\"& a-z-]|<b>|</b>|<!--|-->){0,60}>"]) {
        let after = read(&text);
        prop_assert!(to_text(&after).is_empty(), "idempotent: {}", after);
        let count = |text: &str| exact::count(Encoding::O200k, text);
        prop_assert!(count(&after) <= count(&text), "{}", after);
    }
}
