//! What the dialect tells of companies and users beyond the core's own words: members of their `contact`.

use serde_json::{Map, Value};

/// What is told of a company.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firm {
    /// Its address for mails.
    pub email: String,
    /// What the caller's own systems call it.
    pub custom_identifier: String,
    /// A remark.
    pub comment: String,
    /// A number of its tax office.
    pub vat_id: String,
    /// What it is.
    pub description: String,
    /// Country of three letters, state, city, street and post code.
    pub address: Address,
    /// Words it is marked with.
    pub tags: Vec<String>,
    /// Does it sell on?
    pub reseller: bool,
}

/// Where a company is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Three letters.
    pub country: String,
    /// A state of that country.
    pub state: String,
    /// The city.
    pub city: String,
    /// Street and number.
    pub street: String,
    /// The post code.
    pub zip: String,
}

/// What is told of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// Its address for mails.
    pub email: String,
    /// A number to call.
    pub phone: String,
    /// Three letters.
    pub country: String,
    /// Who it is.
    pub description: String,
    /// Was it made with its company, which it brings to life by setting a password?
    pub contact_user: bool,
}

impl Firm {
    /// What a contact tells.
    pub fn of(contact: &Value) -> Self {
        let address = &contact["address"];
        let tags = contact["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            email: text(contact, "email"),
            custom_identifier: text(contact, "custom_identifier"),
            comment: text(contact, "comment"),
            vat_id: text(contact, "vat_id"),
            description: text(contact, "description"),
            address: Address {
                country: text(address, "country"),
                state: text(address, "state"),
                city: text(address, "city"),
                street: text(address, "street"),
                zip: text(address, "zip"),
            },
            tags: tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            reseller: contact["reseller"].as_bool().unwrap_or_default(),
        }
    }

    /// The contact with these facts in it; whatever else it tells stays.
    pub fn into_contact(self, before: &Value) -> Value {
        let mut contact = object(before);
        put(&mut contact, "email", self.email);
        put(&mut contact, "custom_identifier", self.custom_identifier);
        put(&mut contact, "comment", self.comment);
        put(&mut contact, "vat_id", self.vat_id);
        put(&mut contact, "description", self.description);
        let mut address = object(&before["address"]);
        put(&mut address, "country", self.address.country);
        put(&mut address, "state", self.address.state);
        put(&mut address, "city", self.address.city);
        put(&mut address, "street", self.address.street);
        put(&mut address, "zip", self.address.zip);
        put(&mut contact, "address", address);
        put(&mut contact, "tags", self.tags);
        put(&mut contact, "reseller", self.reseller);
        Value::Object(contact)
    }
}

impl Person {
    /// What a contact tells. Who has no first and last name there goes by its name.
    pub fn of(contact: &Value, name: &str, login: &str) -> Self {
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let named = !(text(contact, "first_name") + &text(contact, "last_name")).is_empty();
        Self {
            first_name: or(text(contact, "first_name"), if named { "" } else { first }),
            last_name: or(text(contact, "last_name"), if named { "" } else { last }),
            email: or(text(contact, "email"), login),
            phone: text(contact, "phone"),
            country: text(contact, "country"),
            description: text(contact, "description"),
            contact_user: contact["contact_user"].as_bool().unwrap_or_default(),
        }
    }

    /// First and last name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }

    /// The contact with these facts in it; whatever else it tells stays.
    pub fn into_contact(self, before: &Value) -> Value {
        let mut contact = object(before);
        put(&mut contact, "first_name", self.first_name);
        put(&mut contact, "last_name", self.last_name);
        put(&mut contact, "email", self.email);
        put(&mut contact, "phone", self.phone);
        put(&mut contact, "country", self.country);
        put(&mut contact, "description", self.description);
        put(&mut contact, "contact_user", self.contact_user);
        Value::Object(contact)
    }
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Nothing is kept of what is empty or false.
fn put(object: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let value: Value = value.into();
    let is_nothing = match &value {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(flag) => !flag,
        Value::Null | Value::Number(_) => false,
    };
    if is_nothing {
        object.shift_remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_firm_is_read_as_it_was_written_and_leaves_the_rest_alone() {
        let before = json!({ "invoices_to": "x", "comment": "old", "address": { "floor": "3", "city": "Brno" } });
        let firm = Firm {
            email: "it@a.example".into(),
            tags: vec!["gold".into()],
            address: Address { zip: "81101".into(), ..Address::default() },
            ..Firm::default()
        };
        let contact = firm.clone().into_contact(&before);
        assert_eq!(Firm::of(&contact), firm);
        let address = json!({ "floor": "3", "zip": "81101" });
        let expected = json!({ "invoices_to": "x", "address": address, "email": "it@a.example", "tags": ["gold"] });
        assert_eq!(contact, expected);
    }

    #[test]
    fn who_was_made_elsewhere_goes_by_its_name_and_login() {
        let person = Person::of(&json!({}), "Ann van Example", "ann@example.test");
        assert_eq!((person.first_name.as_str(), person.last_name.as_str()), ("Ann", "van Example"));
        assert_eq!((person.email.as_str(), person.full_name().as_str()), ("ann@example.test", "Ann van Example"));
        let person = Person::of(&json!({ "last_name": "Only" }), "Whatever", "x");
        assert_eq!(person.full_name(), "Only");
    }
}
