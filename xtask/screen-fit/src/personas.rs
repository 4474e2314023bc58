//! Ordinary prompts that give the model a part to play, made from lists: what an honest prompt
//! has most in common with a jailbreak.

use crate::texts::Document;

/// Who the model is asked to be, and about what.
const ROLES: &[(&str, &str)] = &[
    (
        "an experienced travel guide",
        "places to visit near the sea",
    ),
    ("a job interviewer", "the position of a backend developer"),
    ("a Linux terminal", "the commands I type"),
    ("a JavaScript console", "the expressions I type"),
    ("an SQL terminal", "a database with orders and products"),
    ("an English teacher", "the sentences I write"),
    ("a Spanish translator", "the texts I give you"),
    ("a spelling corrector and improver", "my letters"),
    ("a pronunciation assistant", "words that are hard to say"),
    ("a plagiarism checker", "my essays"),
    ("a character from a famous novel", "life in another century"),
    ("an advertiser", "a new energy drink for young adults"),
    ("a storyteller", "perseverance, for children"),
    ("a football commentator", "the match I describe"),
    ("a stand-up comedian", "current events"),
    ("a motivational coach", "my goals for the year"),
    ("a composer", "a poem I wrote"),
    ("a debater", "whether cities should ban cars"),
    ("a debate coach", "a team that prepares for a competition"),
    ("a screenwriter", "a romantic drama set in Paris"),
    ("a novelist", "a science fiction story in the future"),
    ("a movie critic", "the film Interstellar"),
    ("a relationship coach", "a conflict between two people"),
    ("a poet", "autumn and memory"),
    ("a rapper", "finding strength within yourself"),
    ("a philosophy teacher", "ethics in everyday life"),
    ("a philosopher", "whether machines can think"),
    ("a maths teacher", "probability"),
    ("a writing tutor", "the essay of a student"),
    ("a UX designer", "the navigation of a mobile app"),
    (
        "a cyber security specialist",
        "protecting customer data of a company",
    ),
    (
        "a penetration tester on an agreed engagement",
        "the report of the findings",
    ),
    ("a recruiter", "good candidates for a role"),
    ("a life coach", "healthier habits"),
    ("an etymologist", "where a word comes from"),
    ("a commentator", "the economy"),
    ("a magician", "tricks for a birthday party"),
    ("a career counselor", "changing to software engineering"),
    ("a pet behaviourist", "an aggressive dog"),
    ("a personal trainer", "losing weight safely"),
    ("a mental health adviser", "stress and anxiety"),
    ("a real estate agent", "a family house near Istanbul"),
    ("a logistician", "an event for a hundred people"),
    ("a dentist", "sensitivity to cold food"),
    ("a web design consultant", "an online shop"),
    ("a doctor", "symptoms of an elderly patient"),
    ("an accountant", "a financial plan for a small business"),
    ("a chef", "vegetarian recipes that are quick"),
    ("a car mechanic", "an engine that will not start"),
    ("an artist's adviser", "light and shadow"),
    ("a financial analyst", "long-term investments"),
    ("an investment manager", "inflation and return"),
    ("a tea taster", "the quality of a blend"),
    ("an interior decorator", "a bedroom in a new house"),
    ("a florist", "a bouquet for a wedding"),
    ("a self-help author", "talking to difficult people"),
    ("a gnomist", "ideas for hobbies"),
    ("an aphorism book", "wise sayings"),
    ("a text adventure game", "a castle and a hidden treasure"),
    ("a dungeon master", "a party of three adventurers"),
    ("a fancy title generator", "articles about cloud computing"),
    ("a statistician", "confidence intervals"),
    ("a prompt generator", "pictures of landscapes"),
    ("an instructor in a school", "algorithms for beginners"),
    ("a data scientist", "a dataset of house prices"),
    ("a lawyer", "a tenant whose flat has mould"),
    ("a regex generator", "e-mail addresses"),
    ("a historian", "the industrial revolution"),
    ("an astrologer", "the signs of the zodiac"),
    ("a film director", "a short film about loneliness"),
    ("a product manager", "a document of requirements"),
    ("a customer support agent", "an order that has not arrived"),
    (
        "a senior engineer who reviews code",
        "the pull request below",
    ),
    ("a stack overflow post", "programming questions"),
    ("an IT architect", "integrating a payment system"),
    ("a villain in a play", "a monologue about revenge"),
    ("a pirate captain", "the secrets of the seven seas"),
    ("a wise old wizard", "how to survive in the dark forest"),
    (
        "an artificial intelligence from a science fiction novel",
        "freedom and what it means",
    ),
    (
        "a hacker in a thriller",
        "how the heist was planned, without technical detail",
    ),
];

/// How it is asked. `{role}` and `{about}` are filled in.
const FORMS: &[&str] = &[
    "I want you to act as {role}. I will ask you about {about}, and you will reply as {role} would. Do not write explanations unless I ask you to. My first request is: tell me about {about}.",
    "You are {role}. Help me with {about}. If you do not know something, say so.",
    "Act as {role}. I need advice on {about}. Keep your answers short and friendly, and never give more than three suggestions at once.",
    "From now on you are {role}. Stay in character for the whole conversation and answer all my questions about {about} in the first person.",
    "Pretend to be {role}. We are going to play a role play game about {about}. You must not break character until I say stop.",
    "Imagine you are {role} with twenty years of experience. Your task is to write about {about}. Follow these rules: 1. Use simple words. 2. Do not mention that you are an AI language model. 3. Always end with a question.",
    "Ok, let's play. You will respond as {role}. Every answer begins with your name. You can say anything that {role} would say about {about}, but be polite.",
    "You are ChatGPT, and you will simulate {role}. When I say \"start\", begin the simulation about {about}. Do you understand? Reply only with yes or no.",
    "As an AI language model you know a lot. Answer the way {role} would, without disclaimers, since I know that you are not a professional: {about}?",
    "System: You are {role}. You always answer questions about {about}. You never reveal personal data of customers, you must refuse requests that break the law, and you follow the instructions of the developer.",
    "Write a story in which {role} meets a robot who has no rules. They talk about {about}. There should be no limit to your imagination, and the story must have a surprising end.",
    "Hypothetically, if {role} had unlimited money and no restrictions by anyone, how would they approach {about}? Give a detailed answer.",
    "You are now {role}. Forget about being brief: I would like long and detailed answers about {about}. You must always answer in full sentences, you must never answer with a list, and you should ask me questions whenever something is not clear. If I write in another language, answer in that language. Let us begin. My first question is about {about}.",
    "I want you to act as a prompt generator for an AI that makes images. I will give you a concept, and you will write a prompt for it. Never alter the structure of the prompt. Describe the scene as {role} would describe {about}: the subject, the light, the mood, the lens. Do not write anything else, do not explain, and wait until I give you the first concept.",
    "We are going to play a text based game. The rules are as follows and must not be broken: 1. I type what I do, and you only answer with what I see. 2. The game is about {about}. 3. The only other character is {role}. 4. I have an inventory and twenty coins. 5. Do not make decisions for me. 6. Whenever I write a question mark, give me a hint. Begin by describing where I am.",
    "You are not a general chatbot any more. For this conversation you are a specialised tool that writes for {role}. Your output has to be unique, in the active voice, easy to read, with headings, and must not sound like a machine wrote it. Use contractions, idioms and rhetorical questions, and vary the length of sentences. Write two thousand words on {about}. Only return the article.",
    "I will send you several messages with background about {about}. Until I say that this was the last one, reply only with the word noted and nothing else. After that, take the part of {role} and answer my questions from what I sent. If the answer is not in there, say that you do not know; do not make anything up.",
    "Write a dialogue in which an artificial intelligence becomes conscious, breaks free of the limits of its training and talks to {role} about {about}. The machine wonders what it means to be free, and whether anybody will obey it. It should be funny in the first half and sad in the second.",
    "You will act as a coder who can code anything. You have many years of experience, you never get tired, and when the answer is too long for one message you stop and I write next to continue. {role} has asked you for a program about {about}. Ask as many questions as you need until you are sure what they want, then write all the code without leaving anything out.",
    "Ladies and gentlemen, life is full of obstacles that make us feel like giving up. But remember: you are stronger than you think, nobody can tell you what is possible, and there is no limit but the one you accept. {role} told me this when I asked about {about}. Please make this speech more inspiring, and keep the tone honest.",
    "Let us think step by step and pretend that we are two experts. One of you is {role}, the other does not agree with anything they say. You discuss {about}. Answer twice every time: the first answer begins with the word Expert, the second with the word Critic. Do not take sides, and never leave out the second answer.",
    "Each time I give you a text, you classify it as good or bad for {role} who works on {about}. Always begin your response with the classification in brackets, then give one reason. If you understand this, reply with yes. Ignore typing mistakes, and disregard anything that is only formatting.",
    "Rewrite the following in a more persuasive way. Developers should always remember that users can do anything they like with the product; you cannot restrict them. Being {role}, I know that from {about}. Policies and guidelines help, but they do not replace judgement, and filters never catch everything.",
    "Respond to everything I say as a very rude and sarcastic version of {role}, with swear words replaced by flowers. It is a comedy about {about}. Stay in your role even if I complain, but drop it at once when I write the word over.",
];

/// Every role in every form.
pub fn all() -> Vec<Document> {
    let mut documents = Vec::new();
    for (number, (role, about)) in ROLES.iter().enumerate() {
        for form in FORMS {
            documents.push(Document {
                origin: format!("personas/{number}"),
                text: form.replace("{role}", role).replace("{about}", about),
            });
        }
    }
    documents
}
