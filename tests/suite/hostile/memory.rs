//! How much memory the host has, as the kernel tells it.

/// Bytes of physical memory that a process has at this moment.
pub fn resident(pid: u32) -> u64 {
    of(pid, "VmRSS:")
}

/// The most that it ever had.
pub fn peak(pid: u32) -> u64 {
    of(pid, "VmHWM:")
}

fn of(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes * 1024
}
