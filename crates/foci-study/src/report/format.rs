//! How numbers are written: one place for digits, units, thousands separators and signs.
//!
//! Numbers follow the SI style: a narrow no-break space between groups of three digits from 10 000 on, a
//! no-break space before the unit, a true minus sign. What is not a finite number is written as a dash.

/// Written where a number is missing.
pub const MISSING: &str = "–";
const GROUP: char = '\u{202f}';
const UNIT: char = '\u{a0}';
const MINUS: char = '−';

/// A number with a fixed count of decimals: `fixed(-1234.5, 2)` is `−1234.50`.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_string();
    }
    let digits = format!("{:.*}", decimals, value.abs());
    let zero = digits.chars().all(|c| c == '0' || c == '.');
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut text = String::new();
    if value < 0.0 && !zero {
        text.push(MINUS);
    }
    text.push_str(&group(whole));
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Like [`fixed`], with a plus sign before positive numbers, for differences.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let nonzero = text.chars().any(|c| ('1'..='9').contains(&c));
    if value > 0.0 && nonzero { format!("+{text}") } else { text }
}

/// A number with a given count of significant digits; digits before the point are never rounded away.
///
/// Numbers below a thousandth or from ten million on are written with a power of ten.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_string();
    }
    if value == 0.0 {
        return "0".to_string();
    }
    let magnitude = value.abs().log10().floor();
    if !(-3.0..7.0).contains(&magnitude) {
        let mantissa = value / 10f64.powf(magnitude);
        return format!(
            "{}{UNIT}×{UNIT}10{}",
            fixed(mantissa, digits.saturating_sub(1)),
            superscript(magnitude as i32)
        );
    }
    let decimals = (digits as f64 - 1.0 - magnitude).max(0.0) as usize;
    fixed(value, decimals)
}

/// A round number beside an axis, without trailing zeros.
pub fn tick(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) {
        return significant(value, 1);
    }
    let decimals = (0..6).find(|&decimals| {
        let scaled = value * 10f64.powi(decimals);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-3)
    });
    fixed(value, decimals.unwrap_or(6) as usize)
}

/// A round number beside a logarithmic axis: powers of ten below a hundredth or above a thousand are written as such.
pub fn log_tick(value: f64) -> String {
    let exponent = value.log10();
    let power = (exponent - exponent.round()).abs() < 1e-9;
    if power && !(-2.0..=3.0).contains(&exponent.round()) {
        return format!("10{}", superscript(exponent.round() as i32));
    }
    tick(value)
}

/// A whole number: `60 012`.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// A share of one, in percent with the given decimals: `percent(0.973, 1)` is `97.3 %`.
pub fn percent(share: f64, decimals: usize) -> String {
    if share.is_finite() { format!("{}{UNIT}%", fixed(100.0 * share, decimals)) } else { MISSING.to_string() }
}

/// Bytes in binary units, three significant digits: `412 MiB`.
pub fn bytes(value: u64) -> String {
    let names = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut index = 0;
    while scaled >= 999.5 && index + 1 < names.len() {
        scaled /= 1024.0;
        index += 1;
    }
    let number = if index == 0 { count(value) } else { significant(scaled, 3) };
    format!("{number}{UNIT}{}", names[index])
}

/// A time: `2.1 ms`, `0.35 s`, `3 min 20 s`, `1 h 5 min`.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() {
        MISSING.to_string()
    } else if value < 0.1 {
        format!("{}{UNIT}ms", significant(1000.0 * value, 2))
    } else if value < 99.95 {
        format!("{}{UNIT}s", significant(value, if value < 1.0 { 2 } else { 3 }))
    } else if value < 3600.0 {
        let whole = value.round() as u64;
        format!("{}{UNIT}min{UNIT}{}{UNIT}s", whole / 60, whole % 60)
    } else {
        let minutes = (value / 60.0).round() as u64;
        format!("{}{UNIT}h{UNIT}{}{UNIT}min", minutes / 60, minutes % 60)
    }
}

/// A p-value: three decimals, and `< 0.001` below that.
pub fn p_value(value: f64) -> String {
    if value.is_finite() && value < 0.001 { format!("<{UNIT}0.001") } else { fixed(value, 3) }
}

/// How many times as much: `1.2×`, `14×`.
pub fn times(ratio: f64) -> String {
    if ratio.is_finite() {
        format!("{}×", fixed(ratio, if ratio < 9.95 { 1 } else { 0 }))
    } else {
        MISSING.to_string()
    }
}

/// A number and its unit, kept on one line; no unit, no space.
pub fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() || number == MISSING { number.to_string() } else { format!("{number}{UNIT}{unit}") }
}

/// The first `length` characters of a name, with an ellipsis where something was cut.
pub fn shortened(name: &str, length: usize) -> String {
    if name.chars().count() <= length {
        return name.to_string();
    }
    name.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}

/// Names joined as in a sentence: `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn group(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_string();
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(GROUP);
        }
        text.push(digit);
    }
    text
}

fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digits = exponent.unsigned_abs().to_string();
    let sign = if exponent < 0 { "⁻" } else { "" };
    sign.chars().chain(digits.bytes().map(|digit| DIGITS[usize::from(digit - b'0')])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No-break spaces as plain ones, so that the expected texts can be read.
    fn plain(text: String) -> String {
        text.replace([GROUP, UNIT], " ")
    }

    #[test]
    fn numbers_are_written_as_a_person_would() {
        let written = [
            fixed(-1234.5, 2),
            fixed(-0.0004, 2),
            fixed(f64::NAN, 2),
            signed(0.25, 2),
            signed(-0.25, 2),
            signed(0.0001, 2),
            significant(0.123456, 3),
            significant(12345.6, 3),
            significant(0.00002, 2),
            significant(-25_000_000.0, 2),
            tick(0.1 + 0.2),
            tick(-250.0),
            tick(0.0005),
            log_tick(1e-4),
            log_tick(0.5),
            count(60012),
            count(1234),
            percent(0.973, 1),
            bytes(812),
            bytes(432_013_312),
            bytes(8 << 30),
            seconds(0.0021),
            seconds(0.35),
            seconds(12.0),
            seconds(200.0),
            seconds(3900.0),
            p_value(0.0002),
            p_value(0.0312),
            times(1.24),
            times(14.2),
            shortened("a-very-long-name", 8),
            listed(&["a", "b", "c"]),
        ]
        .map(plain)
        .join(" | ");
        let expected = "−1234.50 | 0.00 | – | +0.25 | −0.25 | 0.00 | 0.123 | 12 346 | 2.0 × 10⁻⁵ | −2.5 × 10⁷ | 0.3 | −250 | 0.0005 | 10⁻⁴ | 0.5 \
             | 60 012 | 1234 | 97.3 % | 812 bytes | 412 MiB | 8.00 GiB | 2.1 ms | 0.35 s | 12.0 s | 3 min 20 s | 1 h 5 min \
             | < 0.001 | 0.031 | 1.2× | 14× | a-very-… | a, b and c";
        assert_eq!(written, expected);
    }
}
