//! Cutting an import's stream into chunks of one key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{IgnoredAny, SeqAccess};

use super::peek::Document;
use super::shape::{Seen, Shape, Text, look};
use super::summary::ImportSummary;
use crate::error::{Code, Error, Result, refuse};
use crate::id::{DocumentId, Key};
use crate::limits::{IMPORT_BUFFER_BYTES, IMPORT_CHUNK_BYTES, IMPORT_CHUNK_LINES, IMPORT_LINE_BYTES};

/// What a key costs in memory beside its lines, in bytes; an estimate that errs upwards, so that a stream in which
/// every line has another key is bounded, too.
const GROUP_BYTES: usize = 512;

/// Lines of one key, to be committed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The key that all of them live under.
    pub key: Key,
    /// The numbers of the lines in the stream, from 1.
    pub lines: Vec<u64>,
    /// The body to send: the numbers as a JSON array on a line of its own, then the lines.
    pub body: String,
}

/// Takes the bytes of an import as they come and gives chunks. The order within a key is kept; how the stream was
/// cut up on its way makes no difference to the chunks. Holds at most about
/// [`IMPORT_BUFFER_BYTES`] + [`IMPORT_LINE_BYTES`].
///
/// Lines that cannot be read, or name no key, are counted as failed in its summary and go nowhere.
#[derive(Default)]
pub struct ImportSplitter {
    /// The beginning of a line whose end is still to come.
    partial: Vec<u8>,
    /// The line is too long: what is still to come of it is dropped.
    skipping: bool,
    /// Lines that have ended.
    line: u64,
    groups: BTreeMap<Key, Group>,
    /// Bytes in all groups.
    buffered: usize,
    summary: ImportSummary,
}

#[derive(Default)]
struct Group {
    lines: Vec<u64>,
    text: String,
}

impl Group {
    /// What it counts for in memory.
    fn cost(&self) -> usize {
        GROUP_BYTES + self.text.capacity() + self.lines.capacity() * size_of::<u64>()
    }

    fn into_chunk(self, key: Key) -> Chunk {
        let numbers: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        let body = format!("[{}]\n{}", numbers.join(","), self.text);
        Chunk { key, lines: self.lines, body }
    }
}

impl ImportSplitter {
    /// An import of which nothing has come yet.
    #[must_use]
    pub fn new() -> ImportSplitter {
        ImportSplitter::default()
    }

    /// Takes the next bytes and gives the chunks that are full, to be sent in this order.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (ending, following) = rest.split_at(end);
            if self.partial.is_empty() && !self.skipping {
                self.take(ending, &mut chunks);
            } else {
                self.extend(ending);
                let line = std::mem::take(&mut self.partial);
                self.take(&line, &mut chunks);
            }
            rest = following.get(1..).unwrap_or_default();
        }
        self.extend(rest);
        chunks
    }

    /// Takes the end of the stream and gives what is left.
    #[must_use]
    pub fn finish(&mut self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        if !self.partial.is_empty() || self.skipping {
            let line = std::mem::take(&mut self.partial);
            self.take(&line, &mut chunks);
        }
        self.flush(0, &mut chunks);
        chunks
    }

    /// What became of the lines so far. The shell adds the partitions' answers.
    pub fn summary(&mut self) -> &mut ImportSummary {
        &mut self.summary
    }

    fn extend(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.partial.len() + bytes.len() > IMPORT_LINE_BYTES {
            self.skipping = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    /// A line has ended.
    fn take(&mut self, line: &[u8], chunks: &mut Vec<Chunk>) {
        self.line += 1;
        let too_long = std::mem::take(&mut self.skipping) || line.len() > IMPORT_LINE_BYTES;
        if !too_long && line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let read = if too_long {
            refuse(Code::TooLarge, format!("A line has at most {IMPORT_LINE_BYTES} bytes."))
        } else {
            key_of(line)
        };
        match read {
            Ok((key, text)) => self.keep(key, text, chunks),
            Err(error) => self.summary.fail(self.line, &error),
        }
    }

    fn keep(&mut self, key: Key, text: &str, chunks: &mut Vec<Chunk>) {
        if self.groups.get(&key).is_some_and(|group| group.text.len() + text.len() > IMPORT_CHUNK_BYTES) {
            self.send(&key, chunks);
        }
        let group = self.groups.entry(key.clone()).or_default();
        let before = if group.lines.is_empty() { 0 } else { group.cost() };
        group.lines.push(self.line);
        group.text.push_str(text);
        group.text.push('\n');
        self.buffered = self.buffered + group.cost() - before;
        if group.lines.len() >= IMPORT_CHUNK_LINES {
            self.send(&key, chunks);
        }
        if self.buffered > IMPORT_BUFFER_BYTES {
            self.flush(IMPORT_BUFFER_BYTES / 2, chunks);
        }
    }

    fn send(&mut self, key: &Key, chunks: &mut Vec<Chunk>) {
        if let Some((key, group)) = self.groups.remove_entry(key) {
            self.buffered -= group.cost();
            chunks.push(group.into_chunk(key));
        }
    }

    /// Sends the largest groups until at most `keep` bytes are left. Half is sent at a time, so that looking for the
    /// largest costs little a line however many keys there are.
    fn flush(&mut self, keep: usize, chunks: &mut Vec<Chunk>) {
        let mut largest: Vec<(usize, Key)> =
            self.groups.iter().map(|(key, group)| (group.cost(), key.clone())).collect();
        largest.sort_by(|(a, _), (b, _)| b.cmp(a));
        for (_, key) in largest {
            if self.buffered <= keep {
                return;
            }
            self.send(&key, chunks);
        }
    }
}

/// The key of a line, and its text without the ends.
fn key_of(line: &[u8]) -> Result<(Key, &str)> {
    if let Some((id, text)) = std::str::from_utf8(line).ok().and_then(|text| Some((leading_id(text)?, text))) {
        return Ok((DocumentId::parse(id)?.key(), text.trim_ascii()));
    }
    let entry = look::<Entry<'_>>(line)?;
    let id = match entry {
        Entry::Of(Text::Is(id)) => DocumentId::parse(&id)?,
        Entry::Of(_) => return refuse(Code::InvalidId, "A document of an import has its `id`, a string."),
        Entry::Other => {
            return refuse(
                Code::InvalidRequest,
                "A line is an array of a collection's name and a document: [\"orders\", {\"id\": \"acme/o1\"}].",
            );
        }
    };
    let text = std::str::from_utf8(line).map_err(|_| Error::new(Code::InvalidUtf8, "The line is not UTF-8."))?;
    Ok((id.key(), text.trim_ascii()))
}

/// The id of a line's document, where nothing but plain members stands before it. What comes behind it is for the
/// partition to read, and to refuse.
fn leading_id(line: &str) -> Option<&str> {
    let (_, rest) = plain_text(line.trim_ascii_start().strip_prefix('[')?)?;
    let mut rest = after(after(rest, ',')?, '{')?;
    loop {
        let (name, behind) = plain_text(rest)?;
        let value = after(behind, ':')?.trim_ascii_start();
        if name == "id" {
            return plain_text(value).map(|(id, _)| id);
        }
        let (_, behind) = match plain_text(value) {
            Some(text) => text,
            None => value.split_at(value.find([',', '{', '[', '"'])?),
        };
        rest = after(behind, ',')?;
    }
}

/// What stands behind a character and the space before it.
fn after(text: &str, character: char) -> Option<&str> {
    text.trim_ascii_start().strip_prefix(character)
}

/// A JSON string without escapes, and what stands behind it.
fn plain_text(text: &str) -> Option<(&str, &str)> {
    let (text, behind) = text.trim_ascii_start().strip_prefix('"')?.split_once('"')?;
    (!text.contains('\\')).then_some((text, behind))
}

/// A line: the id of its document.
#[derive(Default)]
enum Entry<'de> {
    #[default]
    Other,
    Of(Text<'de>),
}

impl<'de> Shape<'de> for Entry<'de> {
    fn items<A: SeqAccess<'de>>(mut items: A) -> std::result::Result<Self, A::Error> {
        let collection = items.next_element::<Seen<Collection>>()?;
        let document = items.next_element::<Seen<Document<'de>>>()?;
        let mut more = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok(match (collection, document) {
            (Some(Seen(Collection(true))), Some(Seen(Document(Some(id))))) if !more => Entry::Of(id),
            _ => Entry::Other,
        })
    }
}

/// Whether a name of a collection stands here.
#[derive(Default)]
struct Collection(bool);

impl<'de> Shape<'de> for Collection {
    fn text(_: Cow<'de, str>) -> Self {
        Collection(true)
    }
}
