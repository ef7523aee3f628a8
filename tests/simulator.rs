//! The simulator: clients, router, catalogs and partitions in one thread and virtual time, from one seed.
//!
//! Messages are lost, doubled and late; actors crash between events and inside them; alarms ring late and twice;
//! clocks are off. First come faults, then none, and then everything must have converged and agree with what was
//! acknowledged. `SELVEDGE_SEED` repeats a run, `SELVEDGE_RUNS` sets how many seeds are tried.

#[path = "simulator/book.rs"]
mod book;
#[path = "simulator/camp.rs"]
mod camp;
#[path = "simulator/client.rs"]
mod client;
#[path = "simulator/disk.rs"]
mod disk;
#[path = "simulator/meetings.rs"]
mod meetings;
#[path = "executors/random.rs"]
mod random;
#[path = "simulator/shop.rs"]
mod shop;
#[path = "simulator/verdict.rs"]
mod verdict;
#[path = "simulator/world.rs"]
mod world;

use std::rc::Rc;

use camp::Camp;
use random::{Random, fresh_seed};
use shop::Shop;
use world::{Faults, World};

const SECOND: i64 = 1_000_000;

fn seeds(runs: usize) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SELVEDGE_SEED") {
        return vec![seed];
    }
    let first = fresh_seed();
    let runs = number("SELVEDGE_RUNS").map_or(runs, |runs| runs as usize);
    (0..runs as u64).map(|run| first + run).collect()
}

/// Each run has troubles of its own: some are calm, so that rare meetings of slow messages are not drowned.
fn faults(seed: u64) -> Faults {
    let mut random = Random::new(!seed);
    let calm = 1 + random.next() % 5;
    let mut upto = |most: u64| random.next() % (most / calm + 1);
    Faults { lost: upto(8), doubled: upto(15), late: upto(20), crash: upto(6), undone: upto(6) }
}

#[test]
fn what_is_acknowledged_is_what_happened() {
    for seed in seeds(6) {
        eprintln!("SELVEDGE_SEED={seed}");
        let mut world = World::new(seed, Faults::NONE);
        let shop = Rc::new(Shop { db: "shop".to_owned(), ..Shop::default() });
        world.client(|client| shop::set_up(client, Rc::clone(&shop)));
        assert!(world.run(60 * SECOND), "nothing works even without faults");
        world.faults = faults(seed);
        for _ in 0..8 {
            world.client(|client| shop::writer(client, Rc::clone(&shop)));
        }
        for _ in 0..2 {
            world.client(|client| shop::architect(client, Rc::clone(&shop)));
        }
        world.client(|client| shop::locksmith(client, Rc::clone(&shop)));
        world.client(|client| shop::visitor(client, Rc::clone(&shop)));
        world.client(|client| shop::visitor(client, Rc::clone(&shop)));
        world.run(60 * SECOND);
        world.faults = Faults::NONE;
        world.shared.healed.set(true);
        assert!(world.run(120 * SECOND), "something is never answered");
        world.pass(120 * SECOND);
        verdict::knows(&mut world, "shop");
        world.client(|client| verdict::shop(client, Rc::clone(&shop)));
        assert!(world.run(600 * SECOND), "a reading is never answered");
    }
}

#[test]
fn nothing_is_left_of_a_deleted_database() {
    for seed in seeds(12) {
        eprintln!("SELVEDGE_SEED={seed}");
        let mut world = World::new(seed, faults(seed));
        for db in ["hill", "lake"] {
            let camp = Rc::new(Camp { db: db.to_owned(), ..Camp::default() });
            world.client(|client| camp::settler(client, Rc::clone(&camp)));
            world.client(|client| camp::passer(client, Rc::clone(&camp)));
            world.client(|client| camp::passer(client, Rc::clone(&camp)));
        }
        world.run(120 * SECOND);
        world.faults = Faults::NONE;
        world.shared.healed.set(true);
        assert!(world.run(120 * SECOND), "something is never answered");
    }
}
