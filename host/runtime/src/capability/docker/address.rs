//! Addresses of containers in the network of their environment.
//!
//! They are chosen here, not by the engine: a container that keeps its address can be taken
//! out of the network and put back under a name without losing its connections, and starts
//! again after the machine has restarted without finding its address taken.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Addresses at the beginning of a network that are left to the engine: its own, the gateway.
const RESERVED: u32 = 2;

/// A network as it is written: `172.18.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    first: u32,
    size: u32,
}

impl Subnet {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        if !(8..=29).contains(&bits) {
            return None;
        }
        let size = 1_u32 << (32 - bits);
        let first = u32::from(address) & !(size - 1);
        Some(Self { first, size })
    }

    /// The lowest address that nobody has.
    pub(super) fn free(&self, taken: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        // The last one is for broadcasts.
        let mut own = (RESERVED..self.size - 1).map(|number| Ipv4Addr::from(self.first + number));
        own.find(|address| !taken.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_address_is_taken_until_there_is_none() {
        let subnet = Subnet::parse("10.1.2.0/29").unwrap();
        let mut taken = BTreeSet::new();
        while let Some(address) = subnet.free(&taken) {
            taken.insert(address);
        }
        let taken: Vec<_> = taken.iter().map(Ipv4Addr::to_string).collect();
        assert_eq!(
            taken,
            ["10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"]
        );
        for bad in ["", "10.1.2.0", "10.1.2.0/31", "fd00::/64", "10.1.2.0/x"] {
            assert_eq!(Subnet::parse(bad), None, "{bad}");
        }
    }
}
