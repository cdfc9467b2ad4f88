//! k-means without chance: the centres of a few embeddings.

/// At most `count` centres of `points`: the first point and those farthest from all chosen before it, then moved to the means of
/// what lies nearest to them until nothing changes its place.
pub fn centres(points: &[Vec<f64>], count: usize) -> Vec<Vec<f64>> {
    let mut centres: Vec<Vec<f64>> = points.first().into_iter().cloned().collect();
    while centres.len() < count.min(points.len()) {
        let far = |point: &&Vec<f64>| nearest(point, &centres).1;
        let next = points.iter().max_by(|a, b| far(a).total_cmp(&far(b)));
        centres.extend(next.cloned());
    }
    for _ in 0..100 {
        let places: Vec<usize> = points.iter().map(|point| nearest(point, &centres).0).collect();
        let moved: Vec<Vec<f64>> = (0..centres.len())
            .map(|at| mean(points, &places, at).unwrap_or_else(|| centres[at].clone()))
            .collect();
        if moved == centres {
            break;
        }
        centres = moved;
    }
    centres
}

/// Which centre is nearest, and its squared distance.
fn nearest(point: &[f64], centres: &[Vec<f64>]) -> (usize, f64) {
    let square = |centre: &Vec<f64>| point.iter().zip(centre).map(|(a, b)| (a - b).powi(2)).sum();
    let distances = centres.iter().map(square).enumerate();
    distances.min_by(|a: &(usize, f64), b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// The mean of the points whose place is `at`.
fn mean(points: &[Vec<f64>], places: &[usize], at: usize) -> Option<Vec<f64>> {
    let own: Vec<_> = points.iter().zip(places).filter(|(_, place)| **place == at).collect();
    let width = own.first()?.0.len();
    let one = |column: usize| own.iter().map(|(p, _)| p[column]).sum::<f64>() / own.len() as f64;
    Some((0..width).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::centres;

    #[test]
    fn heaps_have_their_centres() {
        let points = [[0.0], [10.0], [0.2], [9.0], [30.0], [11.0]].map(|point| point.to_vec());
        assert_eq!(centres(&points, 3), [[0.1], [30.0], [10.0]]);
    }

    #[test]
    fn there_are_no_more_centres_than_points() {
        assert_eq!(centres(&[vec![1.0]], 3), [[1.0]]);
        assert!(centres(&[], 3).is_empty());
    }
}
