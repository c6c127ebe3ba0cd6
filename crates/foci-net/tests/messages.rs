//! What a person reads when an architecture file is wrong: file, line, reason and remedy, word for word.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use foci_net::{Architecture, Net, solve};

/// A file with a header of three lines, so that its first layer starts on line 4.
fn file(layers: &str) -> String {
    format!("name = \"test\"\nactivation = \"relu\"\n\n{layers}")
}

fn message(layers: &str) -> String {
    message_of(&file(layers))
}

fn message_of(text: &str) -> String {
    match Architecture::parse(text, "my.toml") {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

const CONV_A: &str = "[[layer]]\nid = \"a\"\nop = \"conv\"\nwidth = 1\n"; // lines 4 to 7
const OUT: &str = "[[layer]]\nid = \"out\"\nop = \"conv\"\n";

#[test]
fn a_right_file_has_no_error() {
    assert_eq!(message(&format!("{CONV_A}{OUT}")), "no error");
}

#[test]
fn cycle() {
    let layers = "[[layer]]\nid = \"a\"\nop = \"conv\"\nwidth = 1\nfrom = \"c\"\n\
                  [[layer]]\nid = \"b\"\nop = \"conv\"\nwidth = 1\n\
                  [[layer]]\nid = \"c\"\nop = \"conv\"\nwidth = 1\n";
    assert_eq!(
        message(&format!("{layers}{OUT}")),
        "my.toml:5: cycle: a <- c <- b <- a; a layer cannot depend on itself, so change one `from` or `like`"
    );
    let itself = "[[layer]]\nid = \"a\"\nop = \"conv\"\nwidth = 1\nfrom = \"a\"\n";
    assert!(message(&format!("{itself}{OUT}")).starts_with("my.toml:5: cycle: a <- a;"));
}

#[test]
fn unknown_layer() {
    let layers = "[[layer]]\nid = \"enc1\"\nop = \"conv\"\nwidth = 1\n\
                  [[layer]]\nid = \"b\"\nop = \"conv\"\nwidth = 1\nfrom = \"encl\"\n";
    assert_eq!(
        message(&format!("{layers}{OUT}")),
        "my.toml:12: layer `b` names `encl` in `from`, which is no layer (did you mean `enc1`?)"
    );
    let many = "[[layer]]\nid = \"sum\"\nop = \"add\"\nfrom = [\n  \"a\",\n  \"nothing\",\n]\n";
    assert_eq!(
        message(&format!("{CONV_A}{many}{OUT}")),
        "my.toml:13: layer `sum` names `nothing` in `from`, which is no layer"
    );
}

#[test]
fn duplicate_and_impossible_ids() {
    assert_eq!(
        message(&format!("{CONV_A}{CONV_A}{OUT}")),
        "my.toml:9: layer `a` was already defined on line 5; ids must differ"
    );
    assert_eq!(
        message(&format!("{}{OUT}", CONV_A.replace("\"a\"", "\"a.d1\""))),
        "my.toml:5: `a.d1` cannot be an id: use 1 to 60 letters, digits, `-` and `_`"
    );
    assert_eq!(
        message(&format!("{}{OUT}", CONV_A.replace("\"a\"", "\"input\""))),
        "my.toml:5: `input` is the name of the net's input; give the layer another id"
    );
}

#[test]
fn the_longest_id() {
    let named = |letters: usize| {
        message(&format!("{}{OUT}", CONV_A.replace("\"a\"", &format!("\"{}\"", "a".repeat(letters)))))
    };
    assert_eq!(named(60), "no error");
    for letters in [61, 62, 1000] {
        assert!(named(letters).contains(&"a".repeat(60)), "{letters}: {}", named(letters));
    }
}

#[test]
fn sizes_that_do_not_meet() {
    let pool = "[[layer]]\nid = \"down\"\nop = \"maxpool\"\n"; // lines 8 to 10
    let both = "[[layer]]\nid = \"both\"\nop = \"concat\"\nfrom = [\"a\", \"down\"]\n";
    assert_eq!(
        message(&format!("{CONV_A}{pool}{both}{OUT}")),
        "my.toml:12: sizes don't meet: concat of `a` at full resolution and `down` at 1/2 resolution; \
         pool or upsample one of them first"
    );
    assert_eq!(
        message(&format!("{CONV_A}{pool}{OUT}")),
        "my.toml:12: the output layer `out` is at 1/2 resolution; the output must have the input's size, \
         so upsample first"
    );
    let up = "[[layer]]\nid = \"up\"\nop = \"upsample\"\nmode = \"nearest\"\nfactor = 4\nlike = \"a\"\n";
    assert_eq!(
        message(&format!("{CONV_A}{pool}{up}{OUT}")),
        "my.toml:12: sizes don't meet: `down` is at 1/2 resolution and cannot be enlarged by 4 \
         without exceeding the input"
    );
    let wrong_like = "[[layer]]\nid = \"up\"\nop = \"upsample\"\nmode = \"nearest\"\nlike = \"down\"\n";
    assert_eq!(
        message(&format!("{CONV_A}{pool}{wrong_like}{OUT}")),
        "my.toml:12: sizes don't meet: the result is at full resolution, but `like` names `down` at 1/2 resolution"
    );
    let pool4 = "[[layer]]\nid = \"down\"\nop = \"maxpool\"\nfactor = 4\n";
    let up2 = "[[layer]]\nid = \"up\"\nop = \"upsample\"\nmode = \"nearest\"\n";
    assert_eq!(
        message(&format!("{CONV_A}{pool4}{up2}{OUT}")),
        "my.toml:13: upsample to 1/2 resolution needs `like`, a layer of that size that it is cropped to"
    );
}

#[test]
fn channels_that_do_not_add() {
    let b = "[[layer]]\nid = \"b\"\nop = \"conv\"\nwidth = 2\n"; // lines 8 to 11
    let sum = |from: &str| format!("[[layer]]\nid = \"sum\"\nop = \"add\"\nfrom = [{from}]\n");
    assert_eq!(
        message(&format!("{CONV_A}{b}{}{OUT}", sum("\"a\", \"b\""))),
        "my.toml:13: channels don't add: `a` has width 1 and `b` has width 2; \
         give them the same width or use concat"
    );
    assert_eq!(
        message(&format!("{CONV_A}{}{OUT}", sum("\"a\", \"input\""))),
        "my.toml:9: channels don't add: `a` has width 1 and `input` has the input's channels; \
         give them the same width or use concat"
    );
    assert_eq!(
        message(&format!("{CONV_A}{}{OUT}", sum("\"a\", \"a\""))),
        "my.toml:9: `from` names `a` twice; name it once"
    );
}

/// Two convolutions, `l0` and `r0`, and `steps` times two concats of the two before: `l1` and `r1` have 2 widths each, `l11` and
/// `r11` 2048.
fn doubled(steps: usize) -> String {
    let first = ["l0", "r0"]
        .map(|id| format!("[[layer]]\nid = \"{id}\"\nop = \"conv\"\nwidth = 1\nfrom = \"input\"\n"));
    let then = (1..=steps).flat_map(|step| {
        let before = step - 1;
        ["l", "r"].map(|side| {
            format!(
                "[[layer]]\nid = \"{side}{step}\"\nop = \"concat\"\nfrom = [\"l{before}\", \"r{before}\"]\n"
            )
        })
    });
    first.into_iter().chain(then).collect()
}

#[test]
fn sums_of_more_widths_than_are_compared() {
    let sum = |steps: usize, from: &str| {
        let sum = format!("[[layer]]\nid = \"sum\"\nop = \"add\"\nfrom = [{from}]\n");
        // What is summed only on one side is read by the last convolution, too, so that nothing is left over.
        message(&format!(
            "{}{sum}[[layer]]\nid = \"all\"\nop = \"concat\"\nfrom = [\"sum\", \"l{steps}\", \"r{steps}\"]\n{OUT}",
            doubled(steps)
        ))
    };
    assert_eq!(sum(10, "\"l10\", \"r10\""), "no error", "1024 widths are compared");
    for from in ["\"l11\", \"l0\"", "\"l0\", \"l11\"", "\"l11\", \"r11\""] {
        let refused = sum(11, from);
        assert!(refused.contains("more than 1024 widths put together by concat"), "{from}: {refused}");
    }
}

#[test]
fn unknown_words_and_keys() {
    assert_eq!(
        message(&format!("{}{OUT}", CONV_A.replace("conv", "covn"))),
        "my.toml:6: unknown op `covn` (did you mean `conv`?); it must be one of: conv, maxpool, avgpool, blurpool, upsample, \
         conv_transposed, concat, add"
    );
    assert_eq!(
        message(&format!("{}{OUT}", CONV_A.replace("conv", "attention"))),
        "my.toml:6: unknown op `attention`; it must be one of: conv, maxpool, avgpool, \
         blurpool, upsample, conv_transposed, concat, add"
    );
    assert_eq!(
        message(&format!("{CONV_A}activation = \"Relu\"\n{OUT}")),
        "my.toml:8: unknown activation `Relu` (did you mean `relu`?); it must be one of: none, relu, \
         leaky_relu, elu, silu"
    );
    assert_eq!(
        message(&format!("{CONV_A}dilation = 2\n{OUT}")),
        "my.toml:8: unknown key `dilation` in conv layer `a` (did you mean `dilations`?); keys are: \
         id, op, from, width, kernel, dilations, activation, normalisation"
    );
    assert_eq!(
        message(&format!("{CONV_A}normalisation = \"batch\"\n{OUT}")),
        "my.toml:8: unknown normalisation `batch`; it must be one of: none, group"
    );
    assert_eq!(
        message(&format!("{CONV_A}{OUT}normalisation = \"group\"\n")),
        message(&format!("{CONV_A}{OUT}activation = \"relu\"\n")).replace("`activation`", "`normalisation`")
    );
    assert_eq!(
        message_of("naem = \"x\"\n"),
        "my.toml:1: unknown key `naem` in the file (did you mean `name`?); keys are: name, activation, normalisation, layer"
    );
}

#[test]
fn values_out_of_their_limits() {
    for (width, said) in [("0", "0"), ("-1.5", "-1.5"), ("nan", "nan"), ("1e9", "1e9")] {
        assert_eq!(
            message(&format!("{}{OUT}", CONV_A.replace("width = 1", &format!("width = {width}")))),
            format!(
                "my.toml:7: `width` is {said}; it must be 0.001 to 1000, relative to the widths of the other layers"
            )
        );
    }
    assert_eq!(message(&format!("{CONV_A}kernel = 5\n{OUT}")), "my.toml:8: `kernel` is 5; it must be 1 or 3");
    assert_eq!(
        message(&format!("{CONV_A}dilations = [1,\n 2, 2]\n{OUT}")),
        "my.toml:9: `dilations` is 2 twice; it must be a list of different numbers"
    );
    let list = |dilations: &[usize]| message(&format!("{CONV_A}dilations = {dilations:?}\n{OUT}"));
    let many: Vec<usize> = (1..=33).collect();
    for (dilations, said) in [(&many[..0], "0 numbers"), (&many[..], "33 numbers")] {
        assert_eq!(list(dilations), format!("my.toml:8: `dilations` is {said}; it must be 1 to 32 numbers"));
    }
    assert_eq!(list(&many[..32]), "no error");
    assert_eq!(
        message(&format!("{CONV_A}{OUT}dilations = [1, 2]\n")),
        "my.toml:9: `dilations` is 2 numbers; it must be one number in the output layer, whose channels are not split"
    );
    assert_eq!(
        message(&format!("{CONV_A}dilations = 2\n{OUT}")),
        "my.toml:8: `dilations` must be a list of whole numbers, as in [1, 2, 4], not integer"
    );
    assert_eq!(
        message(&format!("{CONV_A}[[layer]]\nid = \"p\"\nop = \"blurpool\"\nfactor = 4\n{OUT}")),
        "my.toml:9: `factor` is 4; it must be 2 for blurpool"
    );
}

#[test]
fn missing_and_superfluous() {
    assert_eq!(message("[[layer]]\nop = \"conv\"\n"), "my.toml:4: a layer needs `id`; write id = \"enc1\"");
    assert_eq!(
        message(&format!("[[layer]]\nid = \"a\"\nop = \"conv\"\n{OUT}")),
        "my.toml:5: conv layer `a` needs `width`; \
         write width = 1 (only the output layer, last in the file, has none)"
    );
    assert_eq!(
        message(CONV_A),
        "my.toml:5: the last layer of the file is the output layer: its channels and activation are the task's, \
         so leave out `width`"
    );
    assert_eq!(
        message(&format!("{OUT}activation = \"relu\"\n")),
        "my.toml:5: the last layer of the file is the output layer: its channels and activation are the task's, \
         so leave out `activation`"
    );
    assert_eq!(
        message(&format!("{CONV_A}[[layer]]\nid = \"p\"\nop = \"maxpool\"\n")),
        "my.toml:9: the last layer of the file is the output layer and must be a conv, not maxpool"
    );
    let unused = "[[layer]]\nid = \"b\"\nop = \"conv\"\nwidth = 1\nfrom = \"input\"\n";
    assert_eq!(
        message(&format!("{unused}{CONV_A}from = \"input\"\n{OUT}")),
        "my.toml:5: the result of `b` is used by no other layer; name it in a `from` or remove it"
    );
    assert_eq!(
        message(&format!("{CONV_A}{OUT}from = [\"a\", \"input\"]\n")),
        "my.toml:9: conv reads 2 layers; it must read exactly one (put several together with a concat first)"
    );
    assert_eq!(
        message_of("name = \"x\"\n"),
        "my.toml:1: the file needs `layer`; write a [[layer]] table for each layer"
    );
    assert_eq!(message_of("name = \"x\"\nlayer = []\n"), "my.toml:2: 0 layers; a net has 1 to 1000");
}

#[test]
fn not_toml() {
    let message = message_of("name = \"x\"\n[[layer]\nid = 3\n");
    assert!(message.starts_with("my.toml:2: not valid TOML: "), "{message}");
}

#[test]
fn names_of_nets() {
    assert_eq!(
        Architecture::load("unte").unwrap_err().to_string(),
        "no net is called `unte` and there is no such file (did you mean `unet`?); shipped nets: fcn, atrous, unet, atrous-unet, \
         unet-no-outer-skip, msd, fcn-blur, unet-blur, atrous-gridded, fcn-transposed, unet-14, unet-20, unet-deep"
    );
    assert!(!Architecture::load("resnet50").unwrap_err().to_string().contains("did you mean"));
    let missing = Architecture::load("no/such.toml").unwrap_err().to_string();
    assert!(missing.starts_with("no/such.toml: cannot be read: "), "{missing}");
}

#[test]
fn files_larger_than_any_architecture() {
    let path = std::env::temp_dir().join(format!("foci-net-{}.toml", std::process::id()));
    let load = |comment: usize| {
        let text = file(&format!("{CONV_A}{OUT}"));
        std::fs::write(&path, format!("#{}\n{text}", "-".repeat(comment - text.len() - 2))).unwrap();
        Architecture::load(path.to_str().unwrap()).map(|_| ()).map_err(|error| error.to_string())
    };
    let (most, more) = (load(1 << 18), load((1 << 18) + 1));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(most, Ok(()));
    let said = format!("{}: larger than 262144 bytes, which no architecture file is", path.display());
    assert_eq!(more, Err(said));
}

#[test]
fn budgets_out_of_reach() {
    // One layer of width w: 9 w + w, then 9 w + 1 for the output: 19 w + 1 weights. 50 lies between 39 and 58,
    // nearer to 58; 5 below the smallest net, w = 1.
    let one = Architecture::parse(&file(&format!("{CONV_A}{OUT}")), "my.toml").unwrap();
    assert_eq!(
        solve::for_weights(&one, 50, 1, 1).unwrap_err().to_string(),
        "net `test` cannot have 50 weights within 0.5 %: the nearest it can have is 58 (widths a 3); \
         ask for that, or change the relative widths in its file"
    );
    assert!(
        solve::for_weights(&one, 5, 1, 1)
            .unwrap_err()
            .to_string()
            .contains("the nearest it can have is 20 (")
    );
    assert!(solve::for_weights(&one, u64::MAX, 1, 1).unwrap_err().to_string().contains("widths a 1048576"));
    assert!(solve::for_weights(&one, 0, 1, 1).unwrap_err().to_string().contains("above zero"));
    assert_eq!(solve::for_weights(&one, 58, 1, 1).unwrap().weights(), 58);
}

#[test]
fn wrong_net_json() {
    let one = Architecture::parse(&file(&format!("{CONV_A}{OUT}")), "my.toml").unwrap();
    let json = one.resolve(&[3], 1, 1).unwrap().to_json(None);
    let wrong = |from: &str, to: &str| {
        assert!(json.contains(from), "{json}");
        Net::from_json(&json.replace(from, to), "net.json").unwrap_err().to_string()
    };
    assert_eq!(
        wrong("\"weights\": 58", "\"weights\": 59"),
        "net.json: `weights` says 59, but the graph has 58; the file was changed by hand or damaged"
    );
    assert_eq!(
        wrong("\"channels_in\":3", "\"channels_in\":4"),
        "net `test`, node `out`: reads 4 channels, but `a` has 3"
    );
    assert_eq!(
        wrong("\"from\":[\"a\"]", "\"from\":[\"b\"]"),
        "net.json: not a net.json: node `out`: reads `b`, which is no node listed before it"
    );
    // A name may have a hundred characters.
    let named = |letters: usize| json.replace("\"a\"", &format!("\"{}\"", "a".repeat(letters)));
    assert!(Net::from_json(&named(100), "net.json").is_ok());
    let refused = Net::from_json(&named(101), "net.json").unwrap_err().to_string();
    assert!(refused.contains(&"a".repeat(100)), "{refused}");
    let message = wrong("\"dilation\":1", "\"dilation\":\"x\"");
    assert!(message.starts_with("net.json: not a net.json: invalid type"), "{message}");
}
