//! Tokens and settings that are nearly right, made from a seed: nothing panics, and what is taken is what was meant.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use selvedge::jwt::{Jwt, looks_like_one};
use selvedge::settings::{Settings, jwks, settings};
use selvedge::value;
use serde_json::{Value, json};

use super::random::{Random, fresh_seed};
use super::tokens::{SECRET, jwk, token};
use super::world::ask;
use super::{ISSUER, claims, header, status, with_secret};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs `cases` of something, each with a seed of its own that is told if it fails.
fn cases(usual: u64, mut case: impl FnMut(&mut Random)) {
    let first = setting("SELVEDGE_SEED").unwrap_or_else(fresh_seed);
    let count = setting("SELVEDGE_CASES").unwrap_or(usual);
    println!("SELVEDGE_SEED={first} SELVEDGE_CASES={count}");
    for seed in first..first + count {
        let done = catch_unwind(AssertUnwindSafe(|| case(&mut Random::new(seed))));
        if let Err(panic) = done {
            eprintln!("repeat with SELVEDGE_SEED={seed} SELVEDGE_CASES=1");
            std::panic::resume_unwind(panic);
        }
    }
}

/// A text with some of it changed, dropped, doubled or moved.
fn mangled(text: &str, random: &mut Random) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let byte = random.pick(b"..AZaz09-_=+/ {}[]\":,\\\0\x7f");
        match random.below(5) {
            0 if !bytes.is_empty() => bytes[at] = byte,
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.insert(at, byte),
            3 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..(at + random.below(40)).min(bytes.len())].to_vec();
                bytes.extend(piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A JSON value with one place in it exchanged for something else.
fn bent(value: &Value, random: &mut Random) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(1e300),
        json!(""),
        json!("none"),
        json!("x".repeat(600)),
        json!("ä字🧵"),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!(["shop", "shop"]),
    ];
    match value {
        Value::Object(members) if !members.is_empty() && random.chance(80) => {
            let mut members = members.clone();
            let names: Vec<String> = members.keys().cloned().collect();
            let name = random.pick(&names);
            match random.below(4) {
                0 => drop(members.remove(&name)),
                1 => {
                    let new = random.pick(&["kid", "alg", "crit", "jwk", "exp", "nbf", "aud", "keys", "origins"]);
                    members.insert(new.to_owned(), random.pick(&odd));
                }
                _ => {
                    let inner = bent(&members[&name], random);
                    members.insert(name, inner);
                }
            }
            Value::Object(members)
        }
        Value::Array(items) if !items.is_empty() && random.chance(80) => {
            let mut items = items.clone();
            let at = random.below(items.len());
            match random.below(3) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => items[at] = bent(&items[at], random),
            }
            Value::Array(items)
        }
        _ => random.pick(&odd),
    }
}

/// What a token says, read by other means: leniently, and only where it was taken already.
fn agrees(text: &str, jwt: &Jwt) {
    use base64::Engine;
    let part = |at: usize| -> Value {
        let part = text.split('.').nth(at).expect("a part");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(header["alg"], jwt.algorithm.as_str());
    assert_eq!(header.get("kid").and_then(Value::as_str), jwt.kid.as_deref());
    assert_eq!(claims["iss"], jwt.issuer.as_str());
    assert_eq!(claims.get("sub").and_then(Value::as_str), jwt.subject.as_deref());
    match &claims["aud"] {
        Value::Null => assert!(jwt.audience.is_empty()),
        Value::String(one) => assert_eq!([one.as_str()], jwt.audience.as_slice()),
        many => assert_eq!(many, &json!(jwt.audience)),
    }
    let exp = claims["exp"].as_f64().expect("a number");
    if (0.0..1e11).contains(&exp) {
        assert!((jwt.expires.micros() as f64 / 1e6 - exp).abs() < 1e-3, "{exp} {:?}", jwt.expires);
    }
    for refused in ["crit", "jwk", "jku", "x5u", "x5c", "b64"] {
        assert!(header.get(refused).is_none(), "{header}");
    }
    assert_eq!(text[..jwt.signed].matches('.').count(), 1);
    assert!(looks_like_one(text));
}

#[test]
fn a_token_that_was_tampered_with_is_nobodys() {
    let mut world = with_secret();
    let good = token(&header(), &claims(&world, "ada"), &SECRET);
    assert_eq!(status(&mut world, &good), 404);
    cases(5_000, |random| {
        let other = mangled(&good, random);
        if other != good && looks_like_one(&other) {
            assert_eq!(status(&mut world, &other), 401, "{other}");
        }
    });
    assert_eq!(status(&mut world, &good), 404);
}

#[test]
fn what_a_signed_token_says_is_taken_as_it_is_or_refused() {
    let mut world = with_secret();
    let (mut taken, mut refused) = (0, 0);
    cases(5_000, |random| {
        let (mut head, mut said) = (header(), claims(&world, "ada"));
        for _ in 0..random.below(3) {
            if random.chance(30) {
                head = bent(&head, random);
            } else {
                said = bent(&said, random);
            }
        }
        let text = token(&head, &said, &SECRET);
        let parsed = Jwt::parse(&text);
        if let Ok(jwt) = &parsed {
            agrees(&text, jwt);
        }
        // The one reading that lets anybody in, once more and in other words.
        let audience = match &said["aud"] {
            Value::String(one) => one == "shop",
            Value::Array(many) => many.iter().any(|one| one == "shop"),
            _ => false,
        };
        let from = |name: &str| said.get(name).is_none_or(|at| at.as_f64().is_some_and(|at| at < 1_800_086_400.0));
        let until = said["exp"].as_f64().is_some_and(|exp| exp > 1_800_000_000.0);
        let ours = said["iss"] == ISSUER && head["alg"] == "HS256" && head.get("kid").is_none_or(|kid| kid == "one");
        let expected = parsed.is_ok() && audience && from("nbf") && from("iat") && until && ours;
        let status = status(&mut world, &text);
        assert_eq!(status, if expected { 404 } else { 401 }, "{head} {said}");
        if expected {
            taken += 1;
        } else {
            refused += 1;
        }
    });
    if setting("SELVEDGE_CASES").is_none() {
        assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
    }
}

#[test]
fn settings_are_taken_and_shown_as_they_are_or_refused() {
    let point = "A".repeat(43);
    let whole = json!({
        "issuers": [
            {
                "issuer": ISSUER, "audience": ["shop", "web"], "skew": 5, "algorithms": ["HS256", "EdDSA", "ES256", "RS256"],
                "keys": [
                    jwk("one", &SECRET),
                    { "kty": "OKP", "crv": "Ed25519", "x": point, "kid": "two", "use": "sig", "alg": "EdDSA" },
                    { "kty": "EC", "crv": "P-256", "x": point, "y": point, "kid": "three", "key_ops": ["verify"] },
                    { "kty": "RSA", "n": "A".repeat(342), "e": "AQAB" },
                ],
            },
            { "issuer": "b", "audience": "shop", "jwks": "https://login.example/jwks.json" },
        ],
        "cors": { "origins": ["https://app.example", "*"], "maxAge": 5 },
        "quotas": { "requestsPerSecond": 5, "burst": 10, "rowsPerSecond": 100 },
    });
    let former = settings(&whole, &Settings::default()).expect("settings");
    let (mut taken, mut refused) = (0, 0);
    cases(5_000, |random| {
        let mut put = whole.clone();
        for _ in 0..random.below(3) {
            put = bent(&put, random);
        }
        match settings(&put, &former) {
            Err(error) => {
                refused += 1;
                assert_eq!(error.code.as_str(), "invalid_settings");
                let path = error.members["path"].as_str().expect("a path");
                // The place is there, or lacks only what should stand in it.
                let outer = path.rsplit_once('/').map_or("", |(outer, _)| outer);
                assert!(put.pointer(path).is_some() || put.pointer(outer).is_some(), "{path} of {put}");
            }
            Ok(read) => {
                taken += 1;
                let shown = read.shown();
                assert_eq!(settings(&shown, &read).as_ref(), Ok(&read), "{shown}");
                assert!(!shown.to_string().contains("\"k\""));
                let stored = serde_json::to_string(&read).expect("JSON");
                assert_eq!(serde_json::from_str::<Settings>(&stored).expect("settings"), read);
            }
        }
    });
    if setting("SELVEDGE_CASES").is_none() {
        assert!(taken > 500 && refused > 500, "{taken} taken, {refused} refused");
    }
}

#[test]
fn settings_that_are_nearly_json_change_nothing() {
    let mut world = with_secret();
    let text = world.send(ask("GET", "_settings")).expect(200).json["settings"].to_string();
    cases(2_000, |random| {
        let mangled = mangled(&text, random);
        let status = world.send(ask("PUT", "_settings").text(mangled.clone())).status;
        assert!([200, 400, 422].contains(&status), "{status} {mangled}");
        if status == 200 {
            world.send(ask("PUT", "_settings").body(&json!({ "issuers": [
                { "issuer": ISSUER, "audience": "shop", "keys": [jwk("one", &SECRET)] }
            ] })));
        }
    });
}

proptest! {
    #[test]
    fn any_text_is_read_as_a_token_or_refused(text in any::<String>()) {
        let _ = looks_like_one(&text);
        if let Ok(jwt) = Jwt::parse(&text) {
            agrees(&text, &jwt);
        }
    }

    #[test]
    fn any_parts_are_read_as_a_token_or_refused(header in ".{0,60}", claims in ".{0,60}", signature in "[A-Za-z0-9_-]{0,9}") {
        use base64::Engine;
        let encode = |part: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part);
        let text = format!("{}.{}.{signature}", encode(&header), encode(&claims));
        if let Ok(jwt) = Jwt::parse(&text) {
            agrees(&text, &jwt);
        }
    }

    #[test]
    fn any_bytes_are_a_key_set_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = jwks(&bytes);
        if let Ok(value) = value::parse(&bytes) {
            let _ = settings(&value, &Settings::default());
        }
    }
}
