//! Directories as the engine writes them.
use crate::engine_json;
use crate::entry::{varint, Entries, Entry};
use raft_engine::{Command, Config, Engine, LogBatch, ReadableSize, RecoveryMode, Version};
use std::collections::HashMap;

/// splitmix64
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

struct Options(HashMap<String, u64>);

impl Options {
    fn of(words: &[&str]) -> Options {
        Options(
            words
                .iter()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
                .collect(),
        )
    }
    fn get(&self, name: &str, usual: u64) -> u64 {
        self.0.get(name).copied().unwrap_or(usual)
    }
}

fn config(dir: &str, options: &Options) -> Config {
    let version = if options.get("format", 2) == 1 { Version::V1 } else { Version::V2 };
    Config {
        dir: dir.to_owned(),
        recovery_mode: RecoveryMode::AbsoluteConsistency,
        batch_compression_threshold: ReadableSize(options.get("compress", 256)),
        target_file_size: ReadableSize(options.get("file", 4096)),
        purge_threshold: ReadableSize(options.get("purge", 16384).max(options.get("file", 4096))),
        format_version: version,
        enable_log_recycle: version == Version::V2 && options.get("recycle", 1) == 1,
        ..Config::default()
    }
}

/// RaftLocalState { 1 HardState { 1 term, 2 vote, 3 commit }, 2 last index }, under the key that TiKV keeps it.
const RAFT_STATE: &[u8] = b"R";

fn raft_state(term: u64, commit: u64, last: u64) -> Vec<u8> {
    let mut hard = Vec::new();
    for (tag, value) in [(0x08, term), (0x10, 1), (0x18, commit)] {
        hard.push(tag);
        varint(&mut hard, value);
    }
    let mut state = vec![0x0a];
    varint(&mut state, hard.len() as u64);
    state.extend(hard);
    state.push(0x10);
    varint(&mut state, last);
    state
}

fn data(random: &mut Random, most: u64) -> Vec<u8> {
    let length = random.below(most) as usize;
    let repeats = random.below(2) == 0;
    (0..length).map(|i| if repeats { b'a' + (i % 7) as u8 } else { random.next() as u8 }).collect()
}

/// Appends, overwrites, cuts, cleans and puts by the seed; purges and rewrites where asked for. `kill=1` leaves the files as a
/// killed process does: not truncated, recycled ones under their old names.
pub fn write(dir: &str, seed: u64, words: &[&str]) -> String {
    let options = Options::of(words);
    let engine = Engine::open(config(dir, &options)).unwrap();
    let mut random = Random(seed);
    let regions = options.get("regions", 4);
    for step in 0..options.get("steps", 60) {
        let mut batch = LogBatch::default();
        let mut seen = Vec::new();
        for _ in 0..=random.below(3) {
            let id = 1 + random.below(regions);
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            match random.below(20) {
                0 if engine.first_index(id).is_some() => {
                    let (first, last) = (engine.first_index(id).unwrap(), engine.last_index(id).unwrap());
                    batch.add_command(id, Command::Compact { index: first + random.below(last - first + 2) });
                }
                1 if step > 20 => batch.add_command(id, Command::Clean),
                2 => batch.delete(id, vec![b'k', b'0' + random.below(5) as u8]),
                3 => batch.put(id, vec![b'k', b'0' + random.below(5) as u8], data(&mut random, 60)).unwrap(),
                _ => {
                    let next = engine.last_index(id).map_or(5 + random.below(3), |last| last + 1);
                    let first = engine.first_index(id).unwrap_or(next);
                    // a new leader writes over the end of the log
                    let from = if next > first + 2 && random.below(12) == 0 { next - 1 - random.below(2) } else { next };
                    let count = 1 + random.below(4);
                    let most = options.get("data", 120);
                    let entries: Vec<Entry> = (from..from + count)
                        .map(|index| Entry::encode(0, 6 + step / 20, index, &data(&mut random, most)))
                        .collect();
                    batch.add_entries::<Entries>(id, &entries).unwrap();
                    batch
                        .put(id, RAFT_STATE.to_vec(), raft_state(6 + step / 20, from, from + count - 1))
                        .unwrap();
                }
            }
        }
        engine.write(&mut batch, false).unwrap();
        let purge = options.get("every", 0);
        if purge > 0 && step % purge == purge - 1 {
            for id in engine.purge_expired_files().unwrap() {
                if let Some(last) = engine.last_index(id) {
                    engine.compact_to(id, last.saturating_sub(2));
                }
            }
        }
        if step == options.get("rewrite", u64::MAX) {
            let (_, last) = engine.file_span(raft_engine::internals::LogQueue::Append);
            let until = if options.get("until", 0) > 0 { Some(options.get("until", 0)) } else { None };
            engine.purge_manager().must_rewrite_append_queue(Some(last.saturating_sub(1)), until);
        }
        if step == options.get("squeeze", u64::MAX) {
            engine.purge_manager().must_rewrite_rewrite_queue();
        }
    }
    let json = engine_json(&engine);
    if options.get("kill", 0) == 1 {
        println!("{json}");
        // a process that ends at once: no destructor runs
        unsafe { libc_exit() };
    }
    json
}

extern "C" {
    fn _exit(status: i32) -> !;
}

unsafe fn libc_exit() -> ! {
    use std::io::Write;
    std::io::stdout().flush().unwrap();
    _exit(0)
}

/// The raft log of a store, as TiKV writes it: of each region `id=first-last`, then `,commit=N`, `,last=N`, `,term=N` of its raft state
/// where they are others, `,state=none` or `,state=bad`, `,entry=N` for an entry that is no message, and `,epoch=C:V` for entries that are
/// commands (raft_cmdpb.RaftCmdRequest) proposed at that conf version and version of the region.
pub fn store(dir: &str, words: &[&str]) -> String {
    let options = Options(HashMap::from([("file".to_owned(), 1 << 20)]));
    let engine = Engine::open(config(dir, &options)).unwrap();
    for word in words {
        let mut parts = word.split(',');
        let (id, span) = parts.next().unwrap().split_once('=').unwrap();
        let more: HashMap<&str, &str> = parts.map(|part| part.split_once('=').unwrap()).collect();
        let (first, last) = span.split_once('-').unwrap();
        let [id, first, last] = [id, first, last].map(|text| text.parse::<u64>().unwrap());
        let number = |name: &str, usual: u64| more.get(name).map_or(usual, |text| text.parse().unwrap());
        let bad = number("entry", 0);
        // { 1 header { 5 epoch { 1 conf version, 2 version } } }, of versions below 128
        let command = more.get("epoch").and_then(|text| text.split_once(':')).map(|(conf, version)| {
            vec![0x0a, 6, 0x2a, 4, 0x08, conf.parse().unwrap(), 0x10, version.parse().unwrap()]
        });
        let entries: Vec<Entry> = (first..=last)
            .map(|index| match index == bad {
                // an index, and then a field that is cut off
                true => Entry::broken(index),
                false => Entry::encode(0, 6, index, &command.clone().unwrap_or(format!("entry {index} of region {id}").into_bytes())),
            })
            .collect();
        let mut batch = LogBatch::default();
        batch.add_entries::<Entries>(id, &entries).unwrap();
        match more.get("state") {
            Some(&"none") => {}
            Some(_) => batch.put(id, RAFT_STATE.to_vec(), vec![0x0a, 0x7f, 0x01]).unwrap(),
            None => batch
                .put(id, RAFT_STATE.to_vec(), raft_state(number("term", 6), number("commit", last - 1), number("last", last)))
                .unwrap(),
        }
        engine.write(&mut batch, true).unwrap();
    }
    engine_json(&engine)
}
