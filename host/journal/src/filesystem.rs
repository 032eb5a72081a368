//! Tells file systems on which a lock of one machine is not seen by another.
//!
//! Both the database and the environment locks rest on locks of the operating system, which
//! network file systems promise and do not keep.

use std::{fs, io, path::Path};

/// Magic numbers of `statfs(2)`, as in the kernel's `include/uapi/linux/magic.h` and the
/// sources of the file systems that are not listed there.
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd3, "lustre"),
    (0x013f_d00d, "gluster"),
];
const FUSE: u64 = 0x6573_5546;
/// FUSE programs whose files live on another machine, as `/proc/self/mountinfo` names them.
const NETWORK_FUSE: &[&str] = &[
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.glusterfs",
    "fuse.ceph",
    "fuse.ceph-fuse",
    "fuse.gcsfuse",
    "fuse.juicefs",
    "fuse.davfs",
];

/// The kind of network file system that an existing path is on; `None` on a local one.
///
/// # Errors
/// When the path does not exist or the file system cannot be asked.
pub fn network_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    let magic = magic(path)?;
    if magic == FUSE {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        return Ok(network_fuse(&mounts, &fs::canonicalize(path)?));
    }
    Ok(kind(magic))
}

fn magic(path: &Path) -> io::Result<u64> {
    // The field is signed on some architectures; the magic numbers have 32 bits on all.
    Ok((rustix::fs::statfs(path)?.f_type as u64) & 0xffff_ffff)
}

fn kind(magic: u64) -> Option<&'static str> {
    NETWORK
        .iter()
        .find_map(|(number, name)| (*number == magic).then_some(*name))
}

/// The kind of the mount that `path` is on, when it is a FUSE program of the list.
/// The format of `mountinfo` is in proc(5): the mount point is the fifth field, the file system
/// type the first one after a lone `-`.
fn network_fuse(mounts: &str, path: &Path) -> Option<&'static str> {
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            let point = front.split(' ').nth(4)?.replace("\\040", " ");
            Some((point, back.split(' ').next()?))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.len())?;
    NETWORK_FUSE.iter().find(|name| **name == mount.1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_is_local() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(folder.path()).unwrap(), None);
    }

    #[test]
    fn network_kinds_are_told_by_their_numbers() {
        assert_eq!(kind(0x6969), Some("nfs"));
        assert_eq!(kind(0xff53_4d42), Some("cifs"));
        assert_eq!(kind(0xef53), None);
    }

    #[test]
    fn fuse_is_told_by_the_innermost_mount() {
        let mounts = "22 1 0:1 / / rw - ext4 /dev/vda rw\n\
                      30 22 0:2 / /mnt/far\\040away rw shared:1 - fuse.sshfs host: rw\n\
                      31 30 0:3 / /mnt/far\\040away/near rw - fuse.fuseblk /dev/vdb rw\n";
        let kind = |path: &str| network_fuse(mounts, Path::new(path));
        assert_eq!(kind("/mnt/far away/state"), Some("fuse.sshfs"));
        assert_eq!(kind("/mnt/far away/near/state"), None);
        assert_eq!(kind("/home"), None);
    }
}
