//! The objects: one file each, one line each in the list.
mod balloon;
mod cactus;
mod car;
mod cat;
mod drum;
mod fish;
mod guitar;
mod house;
mod lighthouse;
mod rabbit;
mod sailboat;
mod snail;
mod tree;
mod trumpet;
mod tulip;
mod windmill;

use crate::figure::Figure;

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Superclass {
    /// Living things that move by themselves.
    Animal,
    /// What carries people.
    Vehicle,
    /// Living things with roots.
    Plant,
    /// What people live and work in.
    Building,
    /// What music is made with.
    Instrument,
}

impl Superclass {
    /// In the order of the enum.
    pub const ALL: [Superclass; 5] =
        [Self::Animal, Self::Vehicle, Self::Plant, Self::Building, Self::Instrument];

    /// The word in a caption.
    pub fn name(self) -> &'static str {
        match self {
            Self::Animal => "animal",
            Self::Vehicle => "vehicle",
            Self::Plant => "plant",
            Self::Building => "building",
            Self::Instrument => "instrument",
        }
    }
}

/// One thing that can be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// The word in a caption.
    pub name: &'static str,
    /// What kind of thing it is.
    pub superclass: Superclass,
    /// Its shapes.
    pub figure: fn() -> Figure,
}

/// Every object, by name.
pub const ALL: &[Object] = &[
    balloon::ENTRY,
    cactus::ENTRY,
    car::ENTRY,
    cat::ENTRY,
    drum::ENTRY,
    fish::ENTRY,
    guitar::ENTRY,
    house::ENTRY,
    lighthouse::ENTRY,
    rabbit::ENTRY,
    sailboat::ENTRY,
    snail::ENTRY,
    tree::ENTRY,
    trumpet::ENTRY,
    tulip::ENTRY,
    windmill::ENTRY,
];
