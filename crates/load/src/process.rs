//! What a process costs, from `/proc`: CPU of it and of its threads, and resident memory.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// A process that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Process(u32);

/// CPU used since a process started; take one before and one after, and subtract.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// All threads that live.
    pub total: Duration,
    /// Threads by name; those that share a name are added up.
    pub threads: BTreeMap<String, Duration>,
}

impl Cpu {
    /// What was used since `before`; threads that used nothing are left out.
    pub fn since(&self, before: &Self) -> Self {
        let used = |(name, end): (&String, &Duration)| {
            let start = before.threads.get(name).copied().unwrap_or_default();
            let used = end.saturating_sub(start);
            (!used.is_zero()).then(|| (name.clone(), used))
        };
        Self {
            total: self.total.saturating_sub(before.total),
            threads: self.threads.iter().filter_map(used).collect(),
        }
    }

    /// Microseconds for each of so many copies; 0 where there were none.
    pub fn per_copy(&self, copies: u64) -> f64 {
        if copies == 0 {
            return 0.0;
        }
        self.total.as_secs_f64() * 1e6 / copies as f64
    }

    /// Seconds of each thread.
    pub fn threads_in_seconds(&self) -> BTreeMap<String, f64> {
        let seconds = |(name, used): (&String, &Duration)| (name.clone(), used.as_secs_f64());
        self.threads.iter().map(seconds).collect()
    }
}

impl Process {
    /// Watches `pid`; `None` when there is no such process.
    pub fn new(pid: u32) -> Option<Self> {
        fs::exists(format!("/proc/{pid}/stat"))
            .ok()?
            .then_some(Self(pid))
    }

    /// CPU used so far; zero once the process is gone.
    pub fn cpu(self) -> Cpu {
        let mut cpu = Cpu::default();
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0));
        for task in tasks.into_iter().flatten().flatten() {
            let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let Some(used) = parse_schedstat(&read("schedstat")) else {
                continue;
            };
            cpu.total += used;
            *cpu.threads
                .entry(read("comm").trim_end().to_owned())
                .or_default() += used;
        }
        cpu
    }

    /// Resident bytes now; 0 once the process is gone.
    pub fn resident(self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.0)).unwrap_or_default();
        let pages = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<u64>().ok());
        pages.unwrap_or(0) * page_bytes()
    }
}

/// The first field is the time on a CPU, in nanoseconds (`stat` counts in hundredths of a second).
fn parse_schedstat(text: &str) -> Option<Duration> {
    text.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// CPU that this process used so far.
pub fn own_cpu() -> Duration {
    // SAFETY: `usage` is plain old data that the call fills.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec as u64) + Duration::from_micros(value.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

fn page_bytes() -> u64 {
    // SAFETY: reads a constant of the system.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn work_of_a_thread_is_counted_under_its_name() {
        let own = Process::new(std::process::id()).expect("we are running");
        let name = "works-hard";
        let busy = move || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(30) {}
            own.cpu()
        };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(busy)
            .expect("a thread");
        let cpu = thread.join().expect("it does not panic");
        // A busy machine may leave it little of its time.
        assert!(cpu.threads[name] >= Duration::from_millis(1));
        assert!(cpu.total >= cpu.threads[name]);
    }

    #[test]
    fn this_process_has_memory_and_a_gone_one_does_not() {
        let own = Process::new(std::process::id()).expect("we are running");
        assert!(own.resident() > 100_000);
        assert!(Process::new(u32::MAX).is_none());
    }
}
