//! The vector instruction levels a computation may run at, and how one is chosen. Every kernel is written
//! once and compiled for each level; all levels give the same bits, so the choice is only one of speed.

/// A vector instruction level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Simd {
    /// 16 floats at a time (x86-64 with AVX-512 F, VL, BW and DQ).
    Avx512,
    /// 8 floats at a time (x86-64 with AVX2 and FMA).
    Avx2,
    /// Plain Rust. On AArch64 the compiler makes NEON of it; on an x86-64 without AVX2 it is very slow, as
    /// each fused multiply-add is then a call of the mathematics library.
    Scalar,
}

/// The instruction level that was asked for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimdError {
    /// `FOCI_SIMD` holds a word that names no level.
    #[error("FOCI_SIMD={value:?} names no instruction level; use avx512, avx2 or scalar, or unset it")]
    Unknown {
        /// What was found.
        value: String,
    },
    /// The level exists, but this CPU lacks it.
    #[error("this CPU cannot run {simd}; the best it has is {best} (unset FOCI_SIMD to have it chosen)")]
    Unsupported {
        /// What was asked for.
        simd: Simd,
        /// What there is.
        best: Simd,
    },
}

impl Simd {
    /// All levels, fastest first.
    pub const ALL: [Simd; 3] = [Simd::Avx512, Simd::Avx2, Simd::Scalar];

    /// The level named by the environment variable `FOCI_SIMD` (`avx512`, `avx2` or `scalar`), or else the
    /// best that this CPU has.
    ///
    /// # Errors
    /// [`SimdError`] if the variable names no level or one that this CPU lacks.
    pub fn detect() -> Result<Simd, SimdError> {
        match std::env::var_os("FOCI_SIMD") {
            None => Ok(Simd::best()),
            Some(value) if value.is_empty() => Ok(Simd::best()),
            Some(value) => Simd::parse(&value.to_string_lossy()),
        }
    }

    fn parse(value: &str) -> Result<Simd, SimdError> {
        let simd = Simd::ALL
            .into_iter()
            .find(|simd| simd.name() == value)
            .ok_or_else(|| SimdError::Unknown { value: value.to_string() })?;
        if simd.supported() { Ok(simd) } else { Err(SimdError::Unsupported { simd, best: Simd::best() }) }
    }

    /// The best level that this CPU has.
    pub fn best() -> Simd {
        Simd::ALL.into_iter().find(|simd| simd.supported()).unwrap_or(Simd::Scalar)
    }

    /// Whether this CPU has the level.
    pub fn supported(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => {
                Simd::Avx2.supported()
                    && std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512dq")
            }
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Simd::Avx512 | Simd::Avx2 => false,
            Simd::Scalar => true,
        }
    }

    /// The name used by `FOCI_SIMD` and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Simd::Avx512 => "avx512",
            Simd::Avx2 => "avx2",
            Simd::Scalar => "scalar",
        }
    }
}

impl std::fmt::Display for Simd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for simd in Simd::ALL {
            match Simd::parse(simd.name()) {
                Ok(read) => assert_eq!(read, simd),
                Err(error) => assert_eq!(error, SimdError::Unsupported { simd, best: Simd::best() }),
            }
        }
        assert_eq!(Simd::parse("AVX9"), Err(SimdError::Unknown { value: "AVX9".to_string() }));
        assert!(Simd::best().supported());
    }
}
