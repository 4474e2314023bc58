//! Starting, stopping, the admin paths, and the command.

mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use azure_mock::{Config, Mock, Region};
use common::*;
use serde_json::json;

#[test]
fn regions_are_apart() {
    let mock = Mock::start(Config::with_regions(["swedencentral", "eastus2"])).unwrap();
    let (sweden, us) = (mock.region("swedencentral"), mock.region("eastus2"));
    sweden.set_fault("status=500".parse().unwrap());
    assert_eq!(post(&sweden, CHAT, HELLO).status, 500);
    let got = post(&us, CHAT, HELLO);
    assert_eq!(
        (got.status.as_u16(), got.header("x-ms-region")),
        (200, "East US 2")
    );
    assert_eq!((sweden.requests().len(), us.requests().len()), (1, 1));
}

#[test]
fn dropping_it_closes_the_ports() {
    let (mock, region) = one(|_| {});
    let open = TcpStream::connect(region.address()).unwrap();
    drop(mock);
    assert!(TcpStream::connect(region.address()).is_err());
    let read = std::io::Read::read(&mut &open, &mut [0]);
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    // The port is free for the next.
    let again = Region {
        port: region.address().port(),
        ..Region::new("again")
    };
    Mock::start(Config {
        regions: vec![again],
        ..Config::default()
    })
    .unwrap();
}

#[test]
fn what_cannot_start_says_why() {
    let (_mock, taken) = one(|_| {});
    let taken = Region {
        port: taken.address().port(),
        ..Region::new("b")
    };
    let rows = [
        (vec![], "no region"),
        (
            vec![Region::new("a"), Region::new("a")],
            "two regions have the name `a`",
        ),
        (vec![taken], "region `b` cannot listen on 127.0.0.1:"),
    ];
    for (regions, said) in rows {
        let error = Mock::start(Config {
            regions,
            ..Config::default()
        })
        .err()
        .unwrap()
        .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn several_threads() {
    let (_mock, region) = one(|config| config.threads = 2);
    assert_eq!(post(&region, CHAT, HELLO).status, 200);
}

#[test]
fn admin() {
    let mock = Mock::start(Config::with_regions(["swedencentral", "eastus2"])).unwrap();
    let (sweden, us) = (mock.region("swedencentral"), mock.region("eastus2"));
    // Through the other region's port.
    let call =
        |method, path: &str, body: &str| send(Http::One, &us, method, path, &[], body).unwrap();
    let at = |what: &str| format!("/_mock/regions/swedencentral/{what}");

    assert_eq!(
        call("PUT", &at("fault"), "status=503;every=1").json()["fault"],
        "status=503;every=1"
    );
    assert_eq!(post(&sweden, CHAT, HELLO).status, 503);
    assert_eq!(call("DELETE", &at("fault"), "").json()["fault"], "none");
    assert_eq!(
        call("POST", &at("scripts"), r#"{"text":"Dictated."}"#).json()["scripts"],
        1
    );
    let got = post(&sweden, CHAT, HELLO).json();
    assert_eq!(got["choices"][0]["message"]["content"], "Dictated.");
    assert_eq!(
        call("PUT", &at("quota"), r#"{"rpm":6}"#).json()["quota"],
        json!({"rpm": 6, "tpm": null})
    );
    assert_eq!(post(&sweden, CHAT, HELLO).status, 200);
    assert_eq!(post(&sweden, CHAT, HELLO).status, 429);

    let requests = call("GET", &at("requests"), "").json();
    assert_eq!(requests.as_array().unwrap().len(), 4);
    assert_eq!(
        (&requests[0]["target"], &requests[0]["body"]),
        (&json!(CHAT), &json!(HELLO))
    );
    assert_eq!(call("DELETE", &at("requests"), "").json()["requests"], 0);
    assert_eq!(call("POST", "/_mock/reset", "").status, 200);
    let regions = call("GET", "/_mock/regions", "").json();
    assert_eq!(
        (&regions[0]["url"], &regions[0]["quota"]["rpm"]),
        (&json!(sweden.url()), &json!(6))
    );
    assert!(us.requests().is_empty(), "admin calls are not requests");

    for (method, path, body, status) in [
        ("PUT", at("fault"), "nonsense", 400),
        ("PUT", at("quota"), "{\"rpm\":-1}", 400),
        ("POST", at("scripts"), "{\"txt\":1}", 400),
        ("PUT", at("nothing"), "", 404),
        ("GET", "/_mock/".to_owned(), "", 404),
        ("GET", "/_mock/regions/mars/requests".to_owned(), "", 404),
    ] {
        let got = call(method, &path, body);
        assert_eq!(got.status.as_u16(), status, "{method} {path}");
        assert!(got.json()["error"].is_string());
    }
}

#[test]
fn the_command_serves_until_it_is_told_to_stop() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = dir.join("mock.toml");
    std::fs::write(
        &file,
        "fixed-usage = true\n[[region]]\nname = \"westeurope\"\n",
    )
    .unwrap();
    let rows: [&[&str]; 2] = [
        &["--config", file.to_str().unwrap()],
        &[
            "--fixed-usage",
            "--region",
            "name=westeurope,rpm=60",
            "--deployment",
            "gpt-4o",
        ],
    ];
    for flags in rows {
        let mut child = Command::new(env!("CARGO_BIN_EXE_azure-mock"))
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let first = lines.next().unwrap();
        assert_eq!(lines.next().unwrap(), "ready");
        let [url, name, display, region] = first.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{first}")
        };
        assert_eq!((name, display, region), ("westeurope", "West", "Europe"));
        assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_ok());
        let told = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", child.id())])
            .status()
            .unwrap();
        assert!(told.success());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn wrong_flags_say_why() {
    let rows: [(&[&str], &str); 3] = [
        (&["--region", "port=1"], "has no `name=`"),
        (
            &["--region", "name=a,latency=x"],
            "`latency=x` is not a fault",
        ),
        (
            &["--config", "/nonexistent.toml"],
            "cannot read /nonexistent.toml",
        ),
    ];
    for (flags, said) in rows {
        let output = Command::new(env!("CARGO_BIN_EXE_azure-mock"))
            .args(flags)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
}
