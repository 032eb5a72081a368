//! Makes an input that breaks a property smaller, so that a person sees why it does.

/// How often the property is asked on the way.
const TRIES: usize = 1_000;

/// Leaves out ever smaller pieces for as long as what remains is still `bad`.
pub(crate) fn shrink(mut input: Vec<u8>, mut bad: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut tries = TRIES;
    let mut piece = input.len() / 2;
    while piece > 0 && tries > 0 {
        let mut at = 0;
        let mut shrunk = false;
        while at < input.len() && tries > 0 {
            let end = (at + piece).min(input.len());
            let mut smaller = input.clone();
            smaller.drain(at..end);
            tries -= 1;
            if bad(&smaller) {
                input = smaller;
                shrunk = true;
            } else {
                at = end;
            }
        }
        if !shrunk || piece > input.len() {
            piece /= 2;
        }
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matters_is_left() {
        let input = b"a long text with one ! in it, and more".to_vec();
        let shrunk = shrink(input, |input| input.contains(&b'!'));
        assert_eq!(shrunk, b"!");
    }

    #[test]
    fn what_cannot_be_made_smaller_stays() {
        let whole = shrink(b"abc".to_vec(), |input| input == b"abc");
        assert_eq!(whole, b"abc");
    }
}
