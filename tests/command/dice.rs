//! Numbers that look like chance, for cases that a failure must be able to bring back.

use std::hash::{BuildHasher as _, Hasher as _};

/// `SplitMix64`. With a number it is the same in every run; one by chance tells its seed, which `ITAKU_SEED` gives back.
pub struct Dice(pub u64);

impl Dice {
    pub fn new() -> Self {
        let given = std::env::var("ITAKU_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish());
        println!("ITAKU_SEED={seed}");
        Self(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(n).unwrap()).unwrap()
    }

    pub fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub fn id(&mut self) -> String {
        format!("0190{:04x}-0000-7000-8000-{:012x}", self.roll() & 0xffff, self.roll() & 0xffff_ffff_ffff)
    }
}
