//! The crate's own word on a directory of raft-engine, and directories that the crate itself has written.
//!
//!   write DIR SEED [name=value…]   a random workload; prints what the engine holds at its end
//!   store DIR [region=first-last…]   the raft log of a TiKV store: entries, and a raft state under the key that TiKV uses
//!   open MODE DIR…                 opens each directory, which may change it: one line of JSON a directory
//!
//! MODE is absolute, tail or any. Everything is a function of the seed.
mod entry;
mod workload;

use entry::Entries;
use raft_engine::{Config, Engine, RecoveryMode, ReadableSize, Version};
use std::panic::{catch_unwind, AssertUnwindSafe};

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            c if (c as u32) < 0x20 => format!("\\u{:04x}", c as u32),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// What a region holds; an entry that the engine does not give is named by its index, with the first refusal.
fn region_json(engine: &Engine, id: u64) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut unreadable = Vec::new();
    let span = engine.first_index(id).zip(engine.last_index(id));
    if let Some((first, last)) = span {
        for index in first..=last {
            match catch_unwind(AssertUnwindSafe(|| engine.get_entry::<Entries>(id, index))) {
                Ok(Ok(Some(entry))) => hash = fnv(hash, &entry.bytes),
                _ => unreadable.push(format!("\"{index}\"")),
            }
        }
    }
    let mut values = Vec::new();
    engine
        .scan_raw_messages(id, None, None, false, |key, value| {
            values.push(format!("\"{}\":\"{:016x}\"", hex(key), fnv(0xcbf2_9ce4_8422_2325, value)));
            true
        })
        .unwrap();
    let entries = span.map_or(String::new(), |(first, last)| {
        format!("\"first\":\"{first}\",\"last\":\"{last}\",\"entries\":\"{hash:016x}\",\"unreadable\":[{}],", unreadable.join(","))
    });
    format!("\"{id}\":{{{entries}\"values\":{{{}}}}}", values.join(","))
}

pub fn engine_json(engine: &Engine) -> String {
    let mut ids = engine.raft_groups();
    ids.sort_unstable();
    let regions: Vec<String> = ids.into_iter().map(|id| region_json(engine, id)).collect();
    format!("{{\"opens\":true,\"regions\":{{{}}}}}", regions.join(","))
}

fn open_json(dir: &str, mode: RecoveryMode) -> String {
    let config = Config {
        dir: dir.to_owned(),
        recovery_mode: mode,
        target_file_size: ReadableSize::mb(128),
        enable_log_recycle: false,
        format_version: Version::V1,
        ..Config::default()
    };
    match catch_unwind(AssertUnwindSafe(|| Engine::open(config).map(|engine| engine_json(&engine)))) {
        Ok(Ok(json)) => json,
        Ok(Err(error)) => format!("{{\"opens\":false,\"error\":{}}}", quoted(&error.to_string())),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()))
                .unwrap_or_default();
            format!("{{\"opens\":false,\"panic\":{}}}", quoted(&text))
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", dir, seed, options @ ..] => println!("{}", workload::write(dir, seed.parse().unwrap(), options)),
        ["store", dir, regions @ ..] => println!("{}", workload::store(dir, regions)),
        ["open", mode, dirs @ ..] => {
            std::panic::set_hook(Box::new(|_| {}));
            let mode = match *mode {
                "absolute" => RecoveryMode::AbsoluteConsistency,
                "tail" => RecoveryMode::TolerateTailCorruption,
                _ => RecoveryMode::TolerateAnyCorruption,
            };
            for dir in dirs {
                // a thread of its own: the engine keeps the last block that a thread has read, by a name that other directories share
                let dir = dir.to_string();
                println!("{}", std::thread::spawn(move || open_json(&dir, mode)).join().unwrap());
            }
        }
        _ => {
            eprintln!("write DIR SEED [name=value...] | store DIR [region=first-last...] | open absolute|tail|any DIR...");
            std::process::exit(2);
        }
    }
}
