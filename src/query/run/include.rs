//! Includes: level by level, one selection for all rows of a level.

use std::collections::{BTreeMap, BTreeSet};

use super::compose::{Members, id_at, members, project, splice, value};
use super::total_order;
use crate::error::{Code, Result, refuse};
use crate::limits::{ANSWER_BYTES, IN_VALUES, INCLUDED_ROWS};
use crate::query::selection::{Among, Selection, Source, too_many_bytes};
use crate::query::tree::{Include, Relation, Selected};
use crate::value::Path;

/// Fetches what hangs on rows, within the bounds of one answer.
pub(super) struct Includer<'s> {
    pub(super) source: &'s mut dyn Source,
    pub(super) at: Option<i64>,
    /// Documents fetched so far.
    included: usize,
    /// Bytes of the texts that are held at present.
    held: usize,
}

/// Where the parents' ids stand, and where those of the included documents that must equal them.
fn ends(relation: &Relation) -> Result<(Path, Path)> {
    let id = Path::parse("id")?;
    Ok(match relation {
        Relation::Forward { path, .. } => (path.clone(), id),
        Relation::Reverse { by, .. } => (id, by.clone()),
    })
}

/// The selection of what an include brings for parents with these ids.
pub(super) fn selection(include: &Include, ids: Vec<String>, at: Option<i64>) -> Result<Selection<'_>> {
    let (_, path) = ends(&include.relation)?;
    Ok(Selection {
        from: include.relation.collection(),
        filter: &include.filter,
        joins: &[],
        order: total_order(&include.order, &[])?,
        after: None,
        limit: include.limit,
        among: Some(Among { path, values: ids }),
        at,
    })
}

impl<'s> Includer<'s> {
    pub(super) fn new(source: &'s mut dyn Source, at: Option<i64>) -> Includer<'s> {
        Includer { source, at, included: 0, held: 0 }
    }

    /// Counts bytes that the answer holds from now on.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<()> {
        self.held = self.held.saturating_add(bytes);
        if self.held > ANSWER_BYTES {
            return Err(too_many_bytes());
        }
        Ok(())
    }

    /// Each document as the answer shows it: `selected` instead of the document itself if there is a selection,
    /// then `joined` (for each document, or empty) and the includes as further members.
    pub(super) fn complete(
        &mut self,
        includes: &[Include],
        documents: &[&str],
        selected: Option<Vec<String>>,
        joined: &[Vec<(&str, &str)>],
    ) -> Result<Vec<String>> {
        let rows = if includes.is_empty() && joined.is_empty() {
            selected.unwrap_or_else(|| documents.iter().map(|document| (*document).to_owned()).collect())
        } else {
            self.spliced(includes, documents, selected, joined)?
        };
        self.hold(rows.iter().map(String::len).sum())?;
        Ok(rows)
    }

    fn spliced(
        &mut self,
        includes: &[Include],
        documents: &[&str],
        selected: Option<Vec<String>>,
        joined: &[Vec<(&str, &str)>],
    ) -> Result<Vec<String>> {
        let before = self.held;
        let parsed = documents.iter().map(|document| members(document)).collect::<Result<Vec<_>>>()?;
        let mut columns = Vec::with_capacity(includes.len());
        for include in includes {
            columns.push((include.name.as_str(), self.related(include, &parsed)?));
        }
        let mut rows = Vec::with_capacity(documents.len());
        for (position, document) in parsed.into_iter().enumerate() {
            let shown = match selected.as_ref().and_then(|selected| selected.get(position)) {
                Some(selected) => members(selected)?,
                None => document,
            };
            let joined = joined.get(position).into_iter().flatten().copied();
            let included = columns.iter().filter_map(|(name, texts)| Some((*name, texts.get(position)?.as_str())));
            rows.push(splice(&shown, joined.chain(included))?);
        }
        self.held = before;
        Ok(rows)
    }

    /// What an include brings for each of the documents: the text of an object or null, or of an array.
    fn related(&mut self, include: &Include, documents: &[Members<'_>]) -> Result<Vec<String>> {
        let (here, _) = ends(&include.relation)?;
        let ids: Vec<Option<String>> =
            documents.iter().map(|document| id_at(document, &here)).collect::<Result<_>>()?;
        let distinct: Vec<String> = ids.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let before = self.held;
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // Few enough ids at a time to be one parameter, and to pass the bound by little before it is noticed.
        for ids in distinct.chunks((INCLUDED_ROWS / include.limit.max(1)).clamp(1, IN_VALUES)) {
            self.fetch(include, ids.to_vec(), &mut found)?;
        }
        // What was found goes once it is placed: only its places count, which may be many for one document.
        self.held = before;
        let single = matches!(include.relation, Relation::Forward { .. });
        let mut out = Vec::with_capacity(ids.len());
        for id in &ids {
            let there = id.as_ref().and_then(|id| found.get(id)).map_or(&[][..], Vec::as_slice);
            let text = match there.first() {
                Some(first) if single => first.clone(),
                None if single => "null".to_owned(),
                _ => format!("[{}]", there.join(",")),
            };
            self.hold(text.len())?;
            out.push(text);
        }
        Ok(out)
    }

    fn fetch(&mut self, include: &Include, ids: Vec<String>, found: &mut BTreeMap<String, Vec<String>>) -> Result<()> {
        let rows = self.source.rows(&selection(include, ids, self.at)?)?;
        self.included += rows.len();
        if self.included > INCLUDED_ROWS {
            return refuse(
                Code::AnswerTooLarge,
                format!("The includes bring more than {INCLUDED_ROWS} documents; ask for fewer rows or limit them."),
            );
        }
        let documents: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
        let project_one = |selected: &Vec<Selected>, document: &&str| {
            value(document).map(|value| project(selected, |path| path.get(&value)).to_string())
        };
        let project_all = |selected| documents.iter().map(|document| project_one(selected, document)).collect();
        let selected: Option<Result<Vec<String>>> = include.select.as_ref().map(project_all);
        let texts = self.complete(&include.includes, &documents, selected.transpose()?, &[])?;
        for (row, text) in rows.iter().zip(texts) {
            found.entry(row.among.clone().unwrap_or_default()).or_default().push(text);
        }
        Ok(())
    }
}
