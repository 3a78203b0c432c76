//! The texts of mails: templates that come with the program, each of which the firm can replace.
//!
//! A mail is made of `KIND.txt`, whose first line is `Subject: ...`, and `KIND.html`, in which everything that is put in is
//! escaped. Templates are read from the configured directory at the start and at each reload, and tried there with everything
//! that they may use: one that has a mistake is never in force.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};

use super::content::{Line, MatterPart, Page};

/// The longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: u64 = 64 * 1024;
/// Steps that a template may take: a mistaken loop ends.
const FUEL: u64 = 200_000;
/// A subject's length, in characters (RFC 5322 section 2.1.1 allows 998 in a line).
const MAX_SUBJECT: usize = 200;

macro_rules! shipped {
    ($($name:literal),*) => { &[$(($name, include_str!(concat!("../../config/mail/", $name)))),*] };
}

/// What comes with the program.
const SHIPPED: &[(&str, &str)] = shipped!(
    "layout.html",
    "news.txt",
    "news.html",
    "digest.txt",
    "digest.html",
    "invitation.txt",
    "invitation.html",
    "new-matter.txt",
    "new-matter.html",
    "password-reset.txt",
    "password-reset.html",
    "test.txt",
    "test.html",
    "old-scanners.txt",
    "old-scanners.html"
);

/// The names that a firm's own templates can have.
pub fn template_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

/// A mail's texts.
#[derive(Debug, PartialEq)]
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

/// All templates, ready.
pub(super) struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Those that come with the program, with the firm's own (name and text) in their places.
    ///
    /// # Errors
    /// Every mistake, one a line.
    pub(super) fn new(own: &[(String, String)]) -> Result<Self, Vec<String>> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Lines that hold only a tag leave no line behind.
        match SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            Ok(syntax) => environment.set_syntax(syntax),
            Err(why) => return Err(vec![why.to_string()]),
        }
        environment.set_fuel(Some(FUEL));
        let mut wrong = Vec::new();
        for (name, shipped) in SHIPPED {
            let own = own.iter().find(|(own, _)| own == name).map(|(_, text)| text.clone());
            let text = own.unwrap_or_else(|| (*shipped).to_owned());
            if let Err(why) = environment.add_template_owned(*name, text) {
                wrong.push(told(name, &why));
            }
        }
        let templates = Self { environment };
        if wrong.is_empty() {
            wrong.extend(templates.tried());
        }
        if wrong.is_empty() { Ok(templates) } else { Err(wrong) }
    }

    /// The texts of a mail of this kind.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub(super) fn text(&self, kind: &str, page: &Page) -> Result<Text, String> {
        let plain = self.fill(&format!("{kind}.txt"), page)?;
        let html = self.fill(&format!("{kind}.html"), page)?;
        let (first, rest) = plain.split_once('\n').unwrap_or((&plain, ""));
        let subject =
            first.strip_prefix("Subject:").ok_or_else(|| format!("{kind}.txt: its first line is no `Subject: ...`"))?;
        // One line, whatever came in: a header ends at a line's end.
        let subject =
            subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SUBJECT).collect::<String>();
        Ok(Text { subject: subject.trim().to_owned(), plain: rest.trim_start_matches('\n').to_owned(), html })
    }

    fn fill(&self, name: &str, page: &Page) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|why| told(name, &why))?;
        template.render(Serde(page)).map_err(|why| told(name, &why))
    }

    /// What goes wrong with everything that a template may use, or with as little as there can be.
    fn tried(&self) -> Vec<String> {
        let sample = |has: bool| {
            let some = |text: &str| has.then(|| text.to_owned());
            let line = Line {
                folder: "Documents".to_owned(),
                messages: has,
                count: 2,
                by: some("A contact"),
                names: some("A.pdf").into_iter().collect(),
                more: 1,
            };
            let matter = MatterPart { number: "1".to_owned(), name: some("A matter"), lines: vec![line] };
            let (firm, url) = ("A firm".to_owned(), "https://portal.example.com".to_owned());
            let link = some("https://portal.example.com/a");
            Page { firm, url, link, expires: some("2026-01-01 12:00 UTC"), matters: vec![matter] }
        };
        let kinds = SHIPPED.iter().filter_map(|(name, _)| name.strip_suffix(".txt"));
        let mut wrong: Vec<_> =
            kinds.flat_map(|kind| [true, false].map(|has| self.text(kind, &sample(has)).err())).flatten().collect();
        wrong.dedup();
        wrong
    }
}

fn told(name: &str, why: &minijinja::Error) -> String {
    let line = why.line().map_or(String::new(), |line| format!(":{line}"));
    let what = why.detail().map_or_else(|| why.kind().to_string(), |detail| format!("{}: {detail}", why.kind()));
    format!("{name}{line}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(firm: &str, name: &str) -> Page {
        let line = Line {
            folder: "Documents/From us".to_owned(),
            count: 3,
            names: vec![name.to_owned()],
            more: 2,
            ..Line::default()
        };
        let matter =
            MatterPart { number: "2026-0001".to_owned(), name: Some("Purchase".to_owned()), lines: vec![line] };
        let url = "https://portal.example.com".to_owned();
        Page { firm: firm.to_owned(), url, matters: vec![matter], ..Page::default() }
    }

    #[test]
    fn news_reads_as_people_write() {
        let text = Templates::new(&[]).expect("sound").text("news", &page("The firm", "Report.pdf")).expect("filled");
        assert_eq!(text.subject, "The firm: something new in matter 2026-0001");
        let expected = "\
Matter 2026-0001, Purchase:

- 3 new documents in \"Documents/From us\"
    Report.pdf
    and 2 more

See it in the portal: https://portal.example.com/

--
This mail was written by the client portal of The firm. Please do not answer it.";
        assert_eq!(text.plain.trim_end(), expected);
        assert!(text.html.contains("<li>Report.pdf</li>") && text.html.contains("and 2 more"), "{}", text.html);
    }

    #[test]
    fn what_people_typed_stays_text_in_html_and_on_one_line_in_the_subject() {
        let templates = Templates::new(&[]).expect("sound");
        let text =
            templates.text("news", &page("A\r\nBcc: b@example.com", "<script>alert(1)</script>.pdf")).expect("filled");
        assert!(!text.subject.contains(['\r', '\n']), "{:?}", text.subject);
        assert!(text.html.contains("&lt;script&gt;") && !text.html.contains("<script"), "{}", text.html);
    }

    #[test]
    fn a_firms_own_template_takes_the_place_and_a_mistaken_one_is_refused_with_its_line() {
        let own = |text: &str| Templates::new(&[("test.txt".to_owned(), text.to_owned())]);
        let page = page("The firm", "x");
        let text = own("Subject: Probe\n\nHallo, {{ firm }}.").expect("sound").text("test", &page).expect("filled");
        assert_eq!((text.subject.as_str(), text.plain.as_str()), ("Probe", "Hallo, The firm."));
        for (wrong, says) in [
            ("Subject: x\n\n{{ frim }}", "test.txt:3: undefined value"),
            ("Subject: x\n{% for %}", "test.txt:2: syntax error"),
            ("Hello", "no `Subject: ...`"),
            ("Subject: x\n{% for a in range(1000) %}{% for b in range(1000) %}{{ b }}{% endfor %}{% endfor %}", "fuel"),
        ] {
            let told = own(wrong).err().expect("a mistake").join("\n");
            assert!(told.contains(says), "{told}");
        }
    }
}
