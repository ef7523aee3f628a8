//! Learning what the catalog says: schemas that are staged, come into force or are given up; who may ask.

use super::rewrite::{self, Rewrite};
use super::state::{State, forget, put, read_schema};
use super::survey::{self, Survey};
use crate::error::Result;
use crate::store::Store;
use crate::time::Time;
use crate::wire::{Grant, Progress};

/// Takes in a grant, unless a later one is known, and goes a step on with what it asks for.
pub(super) fn learn(grant: Grant, state: &mut State, store: &mut impl Store, now: Time) -> Result<Progress> {
    if grant.epoch > state.grant.epoch {
        adopt(grant, state, store, now)?;
    }
    progress(state, store, now)
}

/// Takes in a later grant, in one block.
pub(super) fn adopt(grant: Grant, state: &mut State, store: &mut impl Store, now: Time) -> Result<()> {
    store.atomically(|store| {
        let former = std::mem::replace(&mut state.grant, grant.clone());
        let staged_before = state.survey.as_ref().map(Survey::version);
        if state.grant.schema != former.schema {
            let schema = read_schema(&state.grant.schema.text)?;
            // A change that asks nothing of the data comes into force unstaged, but may still move indexes.
            if staged_before != Some(state.grant.schema.version) {
                if staged_before.is_some() {
                    drop_survey(state, store)?;
                }
                Survey::begin(state.grant.schema.clone(), state, store)?;
                while !survey::step(state, store, now)? {}
            }
            let rewrites = state.survey.take().map(|survey| survey.rewrites).unwrap_or_default();
            forget(store, "survey")?;
            state.tables.settle(true, store)?;
            state.schema = schema;
            state.save_tables(store)?;
            Rewrite::begin(former.schema, rewrites.into_iter().collect(), state, store, now)?;
        } else if staged_before.is_some() && staged_before != state.grant.staged.as_ref().map(|staged| staged.version) {
            drop_survey(state, store)?;
        }
        if let (None, Some(staged)) = (&state.survey, &state.grant.staged) {
            Survey::begin(staged.clone(), state, store)?;
        }
        put(store, "grant", &grant)?;
        state.expiry = super::expiry::Expiry::load(state, store)?;
        Ok(())
    })
}

fn drop_survey(state: &mut State, store: &mut impl Store) -> Result<()> {
    state.survey = None;
    forget(store, "survey")?;
    state.tables.settle(false, store)?;
    state.save_tables(store)
}

/// Goes a step on with what the grant asks for, and says how far that is.
fn progress(state: &mut State, store: &mut impl Store, now: Time) -> Result<Progress> {
    let done = if state.survey.is_some() {
        survey::step(state, store, now)?
    } else {
        store.atomically(|store| rewrite::step(state, store, now))?
    };
    let offenders = state.survey.as_ref().map(|survey| survey.offenders.clone()).unwrap_or_default();
    Ok(Progress { epoch: state.grant.epoch, done, offenders })
}
