//! Includes: level by level, one selection for all rows of a level.

use std::collections::{BTreeMap, BTreeSet};

use super::compose::{Members, id_at, members, project, splice, value};
use super::total_order;
use crate::error::{Code, Result, refuse};
use crate::limits::{ANSWER_BYTES, IN_VALUES, INCLUDED_ROWS};
use crate::query::selection::{Along, Among, Selection, Source, too_many_bytes};
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

/// What the selection of an include's parents can bring along: whatever is one document, whole.
pub(super) fn along(include: &Include) -> Option<Along<'_>> {
    match &include.relation {
        Relation::Forward { path, collection } => {
            let is_whole = include.limit > 0 && include.filter.is_always() && include.hidden.is_empty();
            is_whole.then_some(Along { path, collection })
        }
        Relation::Reverse { .. } => None,
    }
}

/// What else is known of documents that are to be completed, position by position.
#[derive(Default)]
pub(super) struct Shown<'d> {
    /// What the answer shows of each instead of itself.
    pub(super) selected: Option<Vec<String>>,
    /// The members that the documents joined to each become.
    pub(super) joined: &'d [Vec<(&'d str, &'d str)>],
    /// What was read along with each, by the includes that [`along`] takes; nothing, or nothing in it, if nothing was.
    pub(super) along: &'d [&'d [Option<String>]],
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
        along: include.includes.iter().filter_map(along).collect(),
        hidden: &include.hidden,
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

    /// Each document as the answer shows it, with the joined documents and the includes as further members.
    pub(super) fn complete(
        &mut self,
        includes: &[Include],
        documents: &[&str],
        shown: Shown<'_>,
    ) -> Result<Vec<String>> {
        let rows = if includes.is_empty() && shown.joined.is_empty() {
            let all = || documents.iter().map(|document| (*document).to_owned()).collect();
            shown.selected.unwrap_or_else(all)
        } else {
            self.spliced(includes, documents, &shown)?
        };
        self.hold(rows.iter().map(String::len).sum())?;
        Ok(rows)
    }

    fn spliced(
        &mut self,
        includes: &[Include],
        documents: &[&str],
        Shown { selected, joined, along: read }: &Shown<'_>,
    ) -> Result<Vec<String>> {
        let before = self.held;
        let parsed = documents.iter().map(|document| members(document)).collect::<Result<Vec<_>>>()?;
        let mut columns = Vec::with_capacity(includes.len());
        let mut place = 0;
        for include in includes {
            let mut read_along = None;
            if along(include).is_some() {
                read_along =
                    read.iter().map(|row| row.get(place)).collect::<Option<Vec<_>>>().filter(|it| !it.is_empty());
                place += 1;
            }
            columns.push((include.name.as_str(), self.related(include, &parsed, read_along)?));
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
    /// `along` is what was read along for it with each of them, if anything was.
    fn related(
        &mut self,
        include: &Include,
        documents: &[Members<'_>],
        along: Option<Vec<&Option<String>>>,
    ) -> Result<Vec<String>> {
        let (here, _) = ends(&include.relation)?;
        let ids: Vec<Option<String>> =
            documents.iter().map(|document| id_at(document, &here)).collect::<Result<_>>()?;
        let before = self.held;
        let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        if let Some(along) = along {
            let there = ids.iter().zip(along).filter_map(|(id, body)| Some((id.as_deref()?, body.as_deref()?)));
            let (ids, bodies): (Vec<&str>, Vec<&str>) = there.collect::<BTreeMap<_, _>>().into_iter().unzip();
            let texts = self.showing(include, &bodies, &[])?;
            found.extend(ids.into_iter().zip(texts.into_iter().map(|text| vec![text])));
        } else {
            let distinct: Vec<&str> =
                ids.iter().flatten().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
            // Few enough ids at a time to be one parameter, and to pass the bound by little before it is noticed.
            for ids in distinct.chunks((INCLUDED_ROWS / include.limit.max(1)).clamp(1, IN_VALUES)) {
                self.fetch(include, ids, &mut found)?;
            }
        }
        // What was found goes once it is placed: only its places count, which may be many for one document.
        self.held = before;
        let single = matches!(include.relation, Relation::Forward { .. });
        let mut out = Vec::with_capacity(ids.len());
        for id in &ids {
            let there = id.as_deref().and_then(|id| found.get(id)).map_or(&[][..], Vec::as_slice);
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

    fn fetch<'i>(
        &mut self,
        include: &Include,
        ids: &[&'i str],
        found: &mut BTreeMap<&'i str, Vec<String>>,
    ) -> Result<()> {
        let wanted = ids.iter().map(|id| (*id).to_owned()).collect();
        let rows = self.source.rows(&selection(include, wanted, self.at)?)?;
        let documents: Vec<&str> = rows.iter().map(|row| row.body.as_str()).collect();
        let along: Vec<&[Option<String>]> = rows.iter().map(|row| row.along.as_slice()).collect();
        let texts = self.showing(include, &documents, &along)?;
        for (row, text) in rows.iter().zip(texts) {
            let id = row.among.as_deref().unwrap_or_default();
            // They are in order, as they come out of a set.
            if let Some(id) = ids.binary_search(&id).ok().and_then(|at| ids.get(at)) {
                found.entry(id).or_default().push(text);
            }
        }
        Ok(())
    }

    /// Documents as an include shows them.
    fn showing(&mut self, include: &Include, documents: &[&str], along: &[&[Option<String>]]) -> Result<Vec<String>> {
        self.included += documents.len();
        if self.included > INCLUDED_ROWS {
            return refuse(
                Code::AnswerTooLarge,
                format!("The includes bring more than {INCLUDED_ROWS} documents; ask for fewer rows or limit them."),
            );
        }
        let project_one = |selected: &Vec<Selected>, document: &&str| {
            value(document).map(|value| project(selected, |path| path.get(&value)).to_string())
        };
        let project_all = |selected| documents.iter().map(|document| project_one(selected, document)).collect();
        let selected: Option<Result<Vec<String>>> = include.select.as_ref().map(project_all);
        let shown = Shown { selected: selected.transpose()?, joined: &[], along };
        self.complete(&include.includes, documents, shown)
    }
}
