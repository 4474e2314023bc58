//! The content-screener: its terms alone, on the inside of JSON strings, and the whole stage, on
//! bodies.
//!
//! What is looked for is kept from one call to the next, as in a worker: [`screen_configure`]
//! and [`terms_of_peers`] set it.

use std::cell::RefCell;
use std::rc::Rc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use tollgate_core::config::{Config, StageKind};
use tollgate_core::content_screener::fold::fold;
use tollgate_core::content_screener::screen::{Found, Room, Screen, Spending};
use tollgate_core::endpoint::Dialect;
use tollgate_core::host::Nowhere;
use tollgate_core::pipeline::{Judged, Pipeline, StageMaker};
use tollgate_core::request::texts::Speaker;

/// The stage, and room for its terms alone.
struct Ours {
    pipeline: Pipeline,
    screen: Rc<Screen>,
    folded: Vec<u8>,
    room: Room,
    found: Vec<Found>,
}

/// The same terms in automata of aho-corasick.
struct Peers {
    contiguous_nfa: AhoCorasick,
    dfa: AhoCorasick,
    auto: AhoCorasick,
}

thread_local! {
    static OURS: RefCell<Option<Ours>> = const { RefCell::new(None) };
    static PEERS: RefCell<Option<Peers>> = const { RefCell::new(None) };
}

/// Reads a configuration, makes its stage, and gives the bytes of its tables.
pub fn screen_configure(settings: &[u8]) -> u64 {
    let config = Config::read(settings, &[StageKind::ContentScreener]);
    let config = config.expect("the bench's configuration is one");
    let screener = tollgate_core::content_screener::ContentScreener::new(&config);
    let screener = screener.expect("and its expressions can be looked for");
    let screen = screener
        .screen(config.defaults.index)
        .expect("the defaults have detectors");
    let bytes = screen.bytes() as u64;
    let ours = Ours {
        screen: Rc::clone(screen),
        pipeline: Pipeline::new(config, b"", StageMaker::ALL).expect("the same configuration"),
        folded: Vec::new(),
        room: Room::default(),
        found: Vec::new(),
    };
    OURS.with_borrow_mut(|place| *place = Some(ours));
    bytes
}

fn with_ours<T>(job: impl FnOnce(&mut Ours) -> T) -> T {
    OURS.with_borrow_mut(|ours| job(ours.as_mut().expect("screen_configure comes first")))
}

/// Folds a text and finds what is in it; gives how much that is.
pub fn screen_terms(text: &[u8]) -> u64 {
    with_ours(|ours| {
        ours.folded.clear();
        ours.found.clear();
        fold(text, true, &mut ours.folded);
        let mut spending = Spending::default();
        ours.screen.find(
            &ours.folded,
            Speaker::User,
            &mut spending,
            &mut ours.room,
            &mut ours.found,
        );
        ours.found.len() as u64
    })
}

/// Reads a body and lets the stage judge it; gives how many bytes go on.
pub fn screen_stage(body: &[u8]) -> u64 {
    with_ours(|ours| judge(&ours.pipeline, body))
}

fn judge(pipeline: &Pipeline, body: &[u8]) -> u64 {
    let rule = Rc::clone(pipeline.config().rule_for(&Nowhere));
    let incoming = pipeline.begin(Dialect::Chat, None, rule, &Nowhere);
    let mut effects = Vec::new();
    match pipeline.judge(incoming, body, &Nowhere, &mut effects) {
        Judged::Send(_, None) => body.len() as u64,
        Judged::Send(_, Some(edited)) => edited.len() as u64,
        Judged::Reply(_) => 0,
        Judged::PassOn | Judged::Refuse(..) | Judged::Wait(..) => u64::MAX,
    }
}

/// Builds the automata for these terms, one a line, and gives their bytes.
pub fn terms_of_peers(lines: &[u8]) -> u64 {
    let terms: Vec<&[u8]> = lines
        .split(|byte| *byte == b'\n')
        .filter(|term| !term.is_empty())
        .collect();
    let build = |kind| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .kind(kind)
            .build(&terms)
            .expect("the bench's terms fit")
    };
    let peers = Peers {
        contiguous_nfa: build(Some(AhoCorasickKind::ContiguousNFA)),
        dfa: build(Some(AhoCorasickKind::DFA)),
        auto: build(None),
    };
    let bytes = [&peers.contiguous_nfa, &peers.dfa, &peers.auto].map(AhoCorasick::memory_usage);
    PEERS.with_borrow_mut(|place| *place = Some(peers));
    bytes.iter().sum::<usize>() as u64
}

/// How many whole words of the text, as it stands escaped, the contiguous NFA finds.
pub fn terms_contiguous_nfa(text: &[u8]) -> u64 {
    whole_words(text, |peers| &peers.contiguous_nfa)
}

/// The same by the DFA.
pub fn terms_dfa(text: &[u8]) -> u64 {
    whole_words(text, |peers| &peers.dfa)
}

/// The same by the automaton, prefilter included, that aho-corasick chooses.
pub fn terms_auto(text: &[u8]) -> u64 {
    whole_words(text, |peers| &peers.auto)
}

fn whole_words(text: &[u8], choose: impl FnOnce(&Peers) -> &AhoCorasick) -> u64 {
    PEERS.with_borrow(|peers| {
        let automaton = choose(peers.as_ref().expect("terms_of_peers comes first"));
        automaton
            .find_iter(text)
            .filter(|hit| !goes_on_before(text, hit.start()) && !goes_on(text, hit.end()))
            .count() as u64
    })
}

fn goes_on(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether a letter or digit stands before, which is not the last of an escape such as `\n`; or
/// what was found begins with that last one itself.
fn goes_on_before(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    let is_escape = |skipped: usize| {
        let backslashes = before.iter().rev().skip(skipped);
        backslashes.take_while(|byte| **byte == b'\\').count() % 2 == 1
    };
    match before.last() {
        Some(b'\\') => is_escape(0),
        Some(last) => last.is_ascii_alphanumeric() && !is_escape(1),
        None => false,
    }
}
