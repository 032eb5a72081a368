//! Services that need each other in a circle would wait for ever; they are found and named
//! before anything starts.

use super::{Course, CourseError, ServiceId};

impl Course {
    /// Takes away, again and again, services without unmet needs; what is left is circular.
    pub(super) fn refuse_cycles(&self) -> Result<(), CourseError> {
        let ids = || (0..self.services.len() as u32).map(ServiceId);
        let mut unmet: Vec<u32> = ids().map(|id| self.needs(id).len() as u32).collect();
        let mut free: Vec<ServiceId> = ids().filter(|&id| self.needs(id).is_empty()).collect();
        let mut taken = 0;
        while let Some(id) = free.pop() {
            taken += 1;
            for &dependent in self.dependents(id) {
                if let Some(count) = unmet.get_mut(dependent.index()) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(dependent);
                    }
                }
            }
        }
        if taken == self.services.len() {
            return Ok(());
        }
        let blocked = |id: ServiceId| unmet.get(id.index()).is_some_and(|&count| count > 0);
        let mut path: Vec<ServiceId> = Vec::new();
        let mut next = ids().find(|&id| blocked(id));
        // Every blocked service has a blocked need, so the walk comes back to its own path.
        while let Some(id) = next {
            if let Some(start) = path.iter().position(|&seen| seen == id) {
                let circle = path.iter().skip(start).chain([&id]);
                let names = circle.map(|&id| self.service_name(id).to_owned());
                return Err(CourseError::Cycle(names.collect()));
            }
            path.push(id);
            next = self.needs(id).iter().copied().find(|&need| blocked(need));
        }
        Ok(())
    }
}
