//! The blocks of Inception v3 in their order, as branches side by side whose channels are joined.

/// Convolution without bias, batch normalisation, ReLU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    /// Its name below the block's.
    pub(super) name: &'static str,
    /// Channels that come out.
    pub(super) output: usize,
    /// Height and width.
    pub(super) kernel: (usize, usize),
    /// Along both axes.
    pub(super) stride: usize,
    /// Zeros on either side, of the rows and of the columns.
    pub(super) padding: (usize, usize),
}

/// Over 3 x 3.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pool {
    /// The largest, at every second place.
    Shrink,
    /// The largest; the last block of the first release has it where the paper has the mean.
    Max,
    /// The mean of what lies inside the picture.
    Mean,
}

/// One step of a branch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A convolution.
    Unit(Unit),
    /// Two of the same input, their channels joined.
    Both([Unit; 2]),
    /// A pool.
    Pool(Pool),
}

/// Branches of one input.
pub(super) struct Block {
    /// What its names begin with; the stem's begin with nothing.
    pub(super) name: Option<&'static str>,
    /// Side by side.
    pub(super) branches: Vec<Vec<Step>>,
}

/// All blocks, from the picture on.
pub(super) fn all() -> Vec<Block> {
    let mut all = vec![stem()];
    all.extend(
        [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)].map(|(name, pool)| wide(name, pool)),
    );
    all.push(shrink_to_17("Mixed_6a"));
    let seven = [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)];
    all.extend(seven.map(|(name, inner)| crossed(name, inner)));
    all.push(shrink_to_8("Mixed_7a"));
    all.extend(
        [("Mixed_7b", Pool::Mean), ("Mixed_7c", Pool::Max)].map(|(name, pool)| forked(name, pool)),
    );
    all
}

fn unit(
    name: &'static str,
    output: usize,
    kernel: (usize, usize),
    stride: usize,
    pad: bool,
) -> Unit {
    let around = |side: usize| if pad { side / 2 } else { 0 };
    Unit { name, output, kernel, stride, padding: (around(kernel.0), around(kernel.1)) }
}

/// Keeps the size.
fn same(name: &'static str, output: usize, height: usize, width: usize) -> Step {
    Step::Unit(unit(name, output, (height, width), 1, true))
}

/// 3 x 3 without padding.
fn inside(name: &'static str, output: usize, stride: usize) -> Step {
    Step::Unit(unit(name, output, (3, 3), stride, false))
}

fn stem() -> Block {
    let shrink = Step::Pool(Pool::Shrink);
    let steps = vec![
        inside("Conv2d_1a_3x3", 32, 2),
        inside("Conv2d_2a_3x3", 32, 1),
        same("Conv2d_2b_3x3", 64, 3, 3),
        shrink,
        same("Conv2d_3b_1x1", 80, 1, 1),
        inside("Conv2d_4a_3x3", 192, 1),
        shrink,
    ];
    Block { name: None, branches: vec![steps] }
}

fn wide(name: &'static str, pool: usize) -> Block {
    let branches = vec![
        vec![same("branch1x1", 64, 1, 1)],
        vec![same("branch5x5_1", 48, 1, 1), same("branch5x5_2", 64, 5, 5)],
        vec![
            same("branch3x3dbl_1", 64, 1, 1),
            same("branch3x3dbl_2", 96, 3, 3),
            same("branch3x3dbl_3", 96, 3, 3),
        ],
        vec![Step::Pool(Pool::Mean), same("branch_pool", pool, 1, 1)],
    ];
    Block { name: Some(name), branches }
}

fn shrink_to_17(name: &'static str) -> Block {
    let branches = vec![
        vec![inside("branch3x3", 384, 2)],
        vec![
            same("branch3x3dbl_1", 64, 1, 1),
            same("branch3x3dbl_2", 96, 3, 3),
            inside("branch3x3dbl_3", 96, 2),
        ],
        vec![Step::Pool(Pool::Shrink)],
    ];
    Block { name: Some(name), branches }
}

fn crossed(name: &'static str, inner: usize) -> Block {
    let branches = vec![
        vec![same("branch1x1", 192, 1, 1)],
        vec![
            same("branch7x7_1", inner, 1, 1),
            same("branch7x7_2", inner, 1, 7),
            same("branch7x7_3", 192, 7, 1),
        ],
        vec![
            same("branch7x7dbl_1", inner, 1, 1),
            same("branch7x7dbl_2", inner, 7, 1),
            same("branch7x7dbl_3", inner, 1, 7),
            same("branch7x7dbl_4", inner, 7, 1),
            same("branch7x7dbl_5", 192, 1, 7),
        ],
        vec![Step::Pool(Pool::Mean), same("branch_pool", 192, 1, 1)],
    ];
    Block { name: Some(name), branches }
}

fn shrink_to_8(name: &'static str) -> Block {
    let branches = vec![
        vec![same("branch3x3_1", 192, 1, 1), inside("branch3x3_2", 320, 2)],
        vec![
            same("branch7x7x3_1", 192, 1, 1),
            same("branch7x7x3_2", 192, 1, 7),
            same("branch7x7x3_3", 192, 7, 1),
            inside("branch7x7x3_4", 192, 2),
        ],
        vec![Step::Pool(Pool::Shrink)],
    ];
    Block { name: Some(name), branches }
}

fn forked(name: &'static str, pool: Pool) -> Block {
    let fork = |a, b| Step::Both([unit(a, 384, (1, 3), 1, true), unit(b, 384, (3, 1), 1, true)]);
    let branches = vec![
        vec![same("branch1x1", 320, 1, 1)],
        vec![same("branch3x3_1", 384, 1, 1), fork("branch3x3_2a", "branch3x3_2b")],
        vec![
            same("branch3x3dbl_1", 448, 1, 1),
            same("branch3x3dbl_2", 384, 3, 3),
            fork("branch3x3dbl_3a", "branch3x3dbl_3b"),
        ],
        vec![Step::Pool(pool), same("branch_pool", 192, 1, 1)],
    ];
    Block { name: Some(name), branches }
}
