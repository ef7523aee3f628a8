//! Imports: how a stream is cut up, and what its parts add up to.

use std::collections::BTreeMap;

use selvedge::error::Code;
use selvedge::limits::{IMPORT_BUFFER_BYTES, IMPORT_CHUNK_BYTES, IMPORT_CHUNK_LINES, IMPORT_ERRORS, IMPORT_LINE_BYTES};
use selvedge::router::{Chunk, Import, ImportSplitter, Route};
use selvedge::wire::PartitionCall;
use serde_json::{Value, json};

use super::{at_a_moment, send};

fn line(id: &str) -> String {
    format!("[\"orders\",{{\"id\":\"{id}\"}}]")
}

fn split(stream: &[u8]) -> (Vec<Chunk>, Value) {
    let mut splitter = ImportSplitter::new();
    let mut chunks = splitter.push(stream);
    chunks.extend(splitter.finish());
    (chunks, told(&mut splitter))
}

fn told(splitter: &mut ImportSplitter) -> Value {
    let answer = splitter.summary().answer().unwrap();
    assert_eq!(answer.status, 200);
    serde_json::from_str(&answer.body).unwrap()
}

/// The failed lines and their codes.
fn failures(told: &Value) -> Vec<(u64, String)> {
    let failure = |error: &Value| (error["line"].as_u64().unwrap(), error["code"].as_str().unwrap().to_owned());
    told["errors"].as_array().unwrap().iter().map(failure).collect()
}

/// The lines of each key in the order they are sent in, read back from the bodies.
fn by_key(chunks: &[Chunk]) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut found: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for chunk in chunks {
        let (numbers, lines) = chunk.body.split_once('\n').unwrap();
        let numbers: Vec<u64> = serde_json::from_str(numbers).unwrap();
        assert_eq!(numbers, chunk.lines);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), numbers.len());
        assert!(lines.len() <= IMPORT_CHUNK_LINES);
        let pairs = numbers.into_iter().zip(lines.into_iter().map(str::to_owned));
        found.entry(chunk.key.as_str().to_owned()).or_default().extend(pairs);
    }
    found
}

#[test]
fn lines_go_to_their_keys_in_order() {
    let stream = [line("a/1"), line("b/1"), line("1"), line("a/2"), line("k\\u00e4se/1")].join("\n");
    let (chunks, told) = split(stream.as_bytes());
    let expected = [
        ("", vec![(3, line("1"))]),
        ("a", vec![(1, line("a/1")), (4, line("a/2"))]),
        ("b", vec![(2, line("b/1"))]),
        ("käse", vec![(5, line("k\\u00e4se/1"))]),
    ];
    assert_eq!(by_key(&chunks), expected.map(|(key, lines)| (key.to_owned(), lines)).into());
    assert_eq!(told, json!({ "imported": 0, "failed": 0, "errors": [] }));

    let Ok(Route::Import(import)) = send("POST", "/v1/shop/_import", &[]) else { panic!() };
    let request = at_a_moment(|moment| Import::request(&import, &chunks[0], moment));
    assert_eq!((request.db.as_str(), &request.key), ("shop", &chunks[0].key));
    assert_eq!((request.named, request.call), (false, PartitionCall::Import));
}

#[test]
fn how_the_stream_arrives_makes_no_difference() {
    let mut stream = Vec::new();
    for number in 0..4_000 {
        stream.extend_from_slice(line(&format!("k{}/ä{number}", number % 3)).as_bytes());
        stream.extend_from_slice(if number % 7 == 0 { b"\r\n\n" } else { b"\n" });
    }
    stream.extend_from_slice(b"nonsense");
    let (whole, told_whole) = split(&stream);
    assert!(whole.len() > 3, "some chunks were full");
    for size in [1, 2, 7, 4_096] {
        let mut splitter = ImportSplitter::new();
        let mut chunks: Vec<Chunk> = stream.chunks(size).flat_map(|bytes| splitter.push(bytes)).collect();
        chunks.extend(splitter.finish());
        assert_eq!((chunks, told(&mut splitter)), (whole.clone(), told_whole.clone()), "{size} bytes at a time");
    }
}

#[test]
fn blank_lines_count_and_are_skipped() {
    let stream = format!("\r\n{}\r\n  \t\n\n  {}  ", line("a/1"), line("a/2"));
    let (chunks, told) = split(stream.as_bytes());
    assert_eq!(by_key(&chunks), [("a".to_owned(), vec![(2, line("a/1")), (5, line("a/2"))])].into());
    assert_eq!(told["failed"], 0);
    assert_eq!(split(b""), (vec![], json!({ "imported": 0, "failed": 0, "errors": [] })));
}

#[test]
fn lines_that_cannot_be_addressed_fail_by_themselves() {
    let mut stream = line("a/1").into_bytes();
    let bad: [(&[u8], Code); 13] = [
        (b"{\"id\": \"a/1\"}", Code::InvalidRequest),
        (b"[\"orders\"]", Code::InvalidRequest),
        (b"[]", Code::InvalidRequest),
        (b"[5,{\"id\":\"a/1\"}]", Code::InvalidRequest),
        (b"[\"orders\",\"a/1\"]", Code::InvalidRequest),
        (b"null", Code::InvalidRequest),
        (b"[\"orders\",{}]", Code::InvalidId),
        (b"[\"orders\",{\"id\":5}]", Code::InvalidId),
        (b"[\"orders\",{\"id\":null}]", Code::InvalidId),
        (b"[\"orders\",{\"id\":\"a//1\"}]", Code::InvalidId),
        (b"\xef\xbb\xbf[]", Code::InvalidJson),
        (b"[\"orders\",{\"id\":\"a/1\",\"x\":\"\xff\"}]", Code::InvalidUtf8),
        (b"[\"orders\",{\"id\":\"a/\xc3\"}]", Code::InvalidUtf8),
    ];
    for (text, _) in bad {
        stream.push(b'\n');
        stream.extend_from_slice(text);
    }
    let (chunks, told) = split(&stream);
    assert_eq!(by_key(&chunks)["a"], [(1, line("a/1"))]);
    let expected: Vec<(u64, String)> = (2..).zip(bad.map(|(_, code)| code.as_str().to_owned())).collect();
    assert_eq!(failures(&told), expected);
    assert_eq!(told["failed"], 13);
}

#[test]
fn an_id_is_found_behind_other_members_and_what_follows_it_is_for_the_partition_to_refuse() {
    for text in [
        r#"["orders",{"id":"a/1"},5]"#,
        r#"["orders",{"id":"a/1"}"#,
        r#" [ "orders" , { "_time" : "2026" , "n" : -1.5e3 , "b" : true , "id" : "a/1" , "x" : } "#,
        r#"["orders",{"deep":{"id":"b/1"},"list":[{"id":"b/2"}],"id":"a/1"}]"#,
        r#"["orders",{"escaped\\":"\"","id":"a/1"}]"#,
        r#"["orders",{"\u0069d":"a/1"}]"#,
    ] {
        let (chunks, told) = split(text.as_bytes());
        assert_eq!(by_key(&chunks), [("a".to_owned(), vec![(1, text.trim().to_owned())])].into(), "{text}");
        assert_eq!(told["failed"], 0);
    }
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let padded = |bytes: usize| {
        let start = "[\"orders\",{\"id\":\"a/long\",\"x\":\"";
        format!("{start}{}\"}}]", "x".repeat(bytes - start.len() - 3))
    };
    let fits = padded(IMPORT_LINE_BYTES);
    assert_eq!(fits.len(), IMPORT_LINE_BYTES);
    let stream = format!("{}\n{fits}\n{}\n{}\n", line("a/1"), padded(IMPORT_LINE_BYTES + 1), line("a/2"));
    for size in [stream.len(), 65_536, 1_000_003] {
        let mut splitter = ImportSplitter::new();
        let mut chunks: Vec<Chunk> = stream.as_bytes().chunks(size).flat_map(|bytes| splitter.push(bytes)).collect();
        chunks.extend(splitter.finish());
        let numbers: Vec<u64> = by_key(&chunks)["a"].iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 4], "{size} bytes at a time");
        assert_eq!(failures(&told(&mut splitter)), [(3, "too_large".to_owned())]);
    }
    // The end may be missing, too.
    let mut splitter = ImportSplitter::new();
    let endless = vec![b'x'; 1 << 20];
    assert!((0..8).all(|_| splitter.push(&endless).is_empty()));
    assert!(splitter.finish().is_empty());
    assert_eq!(failures(&told(&mut splitter)), [(1, "too_large".to_owned())]);
}

#[test]
fn a_chunk_is_full_by_lines_or_by_bytes() {
    let lines = |count: usize, pad: usize| {
        let one = |number| format!("[\"orders\",{{\"id\":\"a/{number}\",\"x\":\"{}\"}}]\n", "x".repeat(pad));
        (0..count).map(one).collect::<String>()
    };
    let (chunks, _) = split(lines(2 * IMPORT_CHUNK_LINES + 1, 0).as_bytes());
    let counts: Vec<usize> = chunks.iter().map(|chunk| chunk.lines.len()).collect();
    assert_eq!(counts, [IMPORT_CHUNK_LINES, IMPORT_CHUNK_LINES, 1]);

    let (chunks, _) = split(lines(10, IMPORT_CHUNK_BYTES / 4).as_bytes());
    let counts: Vec<usize> = chunks.iter().map(|chunk| chunk.lines.len()).collect();
    assert_eq!(counts, [3, 3, 3, 1]);
}

#[test]
fn what_is_held_back_is_bounded_however_many_keys_there_are() {
    for (keys, pad) in [(200_000, 0), (2_000, 40_000)] {
        let mut splitter = ImportSplitter::new();
        let mut chunks = Vec::new();
        let (mut came, mut went) = (0_usize, 0_usize);
        for key in 0..keys {
            let text = format!("[\"orders\",{{\"id\":\"key{key}/1\",\"x\":\"{}\"}}]\n", "x".repeat(pad));
            came += text.len();
            let full = splitter.push(text.as_bytes());
            went += full.iter().map(|chunk| chunk.body.len()).sum::<usize>();
            chunks.extend(full);
            assert!(came.saturating_sub(went) <= IMPORT_BUFFER_BYTES);
        }
        assert!(chunks.len() > keys / 2, "{} of {keys} were sent on the way", chunks.len());
        chunks.extend(splitter.finish());
        let found = by_key(&chunks);
        assert_eq!(found.len(), keys);
        assert!(found.values().all(|lines| lines.len() == 1));
    }
}

#[test]
fn the_largest_are_sent_first_when_it_gets_too_much() {
    let text = |key: &str, pad: usize| format!("[\"o\",{{\"id\":\"{key}/1\",\"x\":\"{}\"}}]\n", "x".repeat(pad));
    let mut splitter = ImportSplitter::new();
    assert!(splitter.push(text("small", 10).as_bytes()).is_empty());
    let mut sent = Vec::new();
    for key in 0..40 {
        sent.extend(splitter.push(text(&format!("large{key}"), 1 << 20).as_bytes()));
    }
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|chunk| chunk.key.as_str() != "small"));
    assert_eq!(splitter.finish().last().map(|chunk| chunk.key.as_str().to_owned()), Some("small".to_owned()));
}

#[test]
fn answers_add_up_and_the_first_errors_are_named() {
    let mut splitter = ImportSplitter::new();
    let _ = splitter.push(b"nonsense\n");
    let error = |line: usize| json!({ "line": line, "code": "invalid_document", "detail": format!("line {line}") });
    let first: Vec<Value> = (0..15).map(|k| error(3 + 2 * k)).collect();
    let second: Vec<Value> = (0..15).map(|k| error(2 + 2 * k)).collect();
    for (imported, failed, errors) in [(10, 15, first), (900, 100, second)] {
        let answer = json!({ "imported": imported, "failed": failed, "errors": errors });
        splitter.summary().add(&answer.to_string()).unwrap();
    }
    let told = told(&mut splitter);
    assert_eq!((&told["imported"], &told["failed"]), (&json!(910), &json!(116)));
    let lines: Vec<u64> = failures(&told).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, (1..=IMPORT_ERRORS as u64).collect::<Vec<_>>());
    assert_eq!(told["errors"][1], error(2));
    assert_eq!(splitter.summary().add("{}").map_err(|error| error.code), Err(Code::Internal));
}

#[test]
fn a_partition_that_refuses_stops_the_import() {
    let mut splitter = ImportSplitter::new();
    splitter.summary().add(r#"{"imported": 7, "failed": 0, "errors": []}"#).unwrap();
    let problem = r#"{"type": "x", "title": "y", "status": 503, "code": "unavailable", "detail": "Busy.", "key": "a"}"#;
    let answer = splitter.summary().stopped(problem);
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains(&("retry-after", "1".to_owned())));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&body["code"], &body["detail"]), (&json!("unavailable"), &json!("Busy.")));
    assert_eq!((&body["key"], &body["imported"]), (&json!("a"), &json!(7)));
    assert_eq!(body["type"], "urn:selvedge:problem:unavailable");

    let forbidden = splitter.summary().stopped(r#"{"code": "forbidden", "detail": "No."}"#);
    assert_eq!(forbidden.status, 403);
    let silent = splitter.summary().stopped("<html>");
    assert_eq!(silent.status, 503);
    assert!(silent.body.contains("\"imported\":7"), "{}", silent.body);
}
