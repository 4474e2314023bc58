//! Chats in other languages than English.

use crate::Random;
use crate::conversation::Conversation;

/// Sentences of German, French, Spanish, Russian, Chinese, Japanese, Persian (whose spelling has
/// characters of no width), Hindi and Arabic.
const SENTENCES: [[&str; 5]; 9] = [
    [
        "Könntest du mir bitte erklären, warum die Rechnung zweimal verschickt wurde?",
        "Der neue Bericht ist übersichtlicher, aber die Zahlen vom März fehlen noch.",
        "Wir haben den Server gestern Abend neu gestartet, seitdem läuft alles.",
        "Am besten vergleichst du zuerst die Summen und dann die einzelnen Posten.",
        "Das hätte ich ohne deine Hilfe nicht gefunden, danke! 👍",
    ],
    [
        "Peux-tu m'expliquer pourquoi la commande n'a pas été livrée à temps ?",
        "Le rapport d'hier était incomplet, il manquait les chiffres de février.",
        "Nous avons déjà essayé de redémarrer le service, sans succès.",
        "Il vaudrait mieux vérifier d'abord l'adresse, puis le numéro du client.",
        "C'est exactement ce que je cherchais, merci beaucoup ! 🎉",
    ],
    [
        "¿Podrías decirme por qué el pedido sigue pendiente desde el lunes?",
        "La segunda versión es más rápida, pero todavía falla con archivos grandes.",
        "Mañana por la mañana revisamos los datos con el equipo de Sevilla.",
        "Primero hay que comprobar el saldo y después cerrar la cuenta.",
        "¡Qué bien! Ahora sí que funciona todo. 😀",
    ],
    [
        "Объясни, пожалуйста, почему отчёт за прошлую неделю не совпадает с таблицей.",
        "Мы обновили сервер вчера вечером, и с тех пор ошибок больше не было.",
        "Сначала проверь адрес клиента, а потом отправь письмо ещё раз.",
        "Новая версия работает быстрее, но занимает больше памяти.",
        "Спасибо, теперь всё понятно! 🙏",
    ],
    [
        "请解释一下为什么昨天的报告和今天的数据不一样。",
        "新版本已经上线了，但是还有两个问题没有解决。",
        "先检查客户的地址，然后再发送一次通知。",
        "我们下周二开会讨论这个方案，你有时间参加吗？",
        "太好了，终于找到原因了！🎊",
    ],
    [
        "昨日の報告書の数字が合わない理由を教えてください。",
        "新しいバージョンは速いですが、まだ一つ問題が残っています。",
        "まず住所を確認してから、もう一度メールを送ってください。",
        "来週の火曜日に会議がありますので、資料を準備します。",
        "ありがとうございます、とても助かりました！🙇",
    ],
    [
        "لطفاً توضیح بده چرا گزارش دیروز با جدول هم‌خوانی ندارد؟",
        "نسخهٔ تازه سریع‌تر است، ولی هنوز دو مشکل حل‌نشده داریم.",
        "اول نشانی مشتری را بررسی کن و بعد نامه را دوباره بفرست.",
        "هفتهٔ آینده دربارهٔ این برنامه‌ها گفت‌وگو می‌کنیم.",
        "خیلی ممنون، حالا می‌فهمم! 🌷",
    ],
    [
        "कृपया बताइए कि कल की रिपोर्ट और आज के आँकड़े अलग क्यों हैं।",
        "नया संस्करण तेज़ है, लेकिन दो समस्याएँ अब भी बाकी हैं।",
        "पहले ग्राहक का पता जाँचिए, फिर संदेश दोबारा भेजिए।",
        "हम अगले हफ़्ते इस योजना पर बात करेंगे।",
        "बहुत धन्यवाद, अब सब साफ़ है! 🙏",
    ],
    [
        "هل يمكنك أن تشرح لي لماذا لا يتطابق تقرير الأمس مع الجدول؟",
        "الإصدار الجديد أسرع، لكنه ما زال يحتاج إلى ذاكرة أكبر.",
        "تحقق أولاً من عنوان العميل ثم أرسل الرسالة مرة أخرى.",
        "سنناقش هذه الخطة يوم الثلاثاء القادم مع الفريق.",
        "شكراً جزيلاً، أصبح كل شيء واضحاً الآن! 🌟",
    ],
];

pub(super) fn conversation(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new("Answer in the language of the question.");
    let family = "👩\u{200d}👩\u{200d}👧";
    for _ in 0..random.between(6, 14) {
        let language = random.below(SENTENCES.len());
        let say = |random: &mut Random, most: usize| {
            let count = random.between(1, most);
            let sentences: Vec<&str> = (0..count)
                .map(|_| random.one(&SENTENCES[language]))
                .collect();
            sentences.join(" ")
        };
        let question = say(random, 3);
        conversation.user(&question);
        let end = if random.chance(6) { family } else { "" };
        let answer = format!("{}\n\n{}{end}", say(random, 6), say(random, 6));
        conversation.assistant(&answer);
    }
    conversation.user(SENTENCES[0][0]);
    conversation
}
