//! Short texts of every kind, written for these tests, with their exact numbers of tokens.

/// Kind, text, tokens of o200k_base and cl100k_base.
#[rustfmt::skip]
pub(crate) const SAMPLES: &[(&str, &str, [u32; 2])] = &[
    ("chat", "Hi! I'm planning a three-day trip to Lisbon in October with two kids (6 and 9). We like trams, \
food markets and anything with dinosaurs, but my daughter gets tired quickly, so please keep the walks short. \
Could you suggest a plan for each day, with one indoor alternative in case it rains? A rough budget would help too.\n\n\
Also: is it true that you need to book the castle in advance? Last time we queued for over an hour, and I don't \
want to repeat that. Thanks!", [106, 108]),
    ("answer", "Here's a **simple** approach:\n\n1. **Measure first.** Run the job with `--profile` and keep the output.\n\
2. **Find the hot spot.** In most pipelines it's the JSON parsing step, not the network.\n3. **Fix one thing at a time.**\n\n\
```python\nfor line in sys.stdin:\n    record = json.loads(line)\n    print(record[\"id\"], record.get(\"score\", 0.0))\n```\n\n\
> Note: this keeps only one record in memory, so it works for files of any size.\n\nLet me know if you'd like a version that uses threads.", [126, 129]),
    ("rust", "impl<T: Clone + Default> RingBuffer<T> {\n    /// Adds `item`, dropping the oldest one when the buffer is full.\n    \
pub fn push(&mut self, item: T) -> Option<T> {\n        let index = (self.start + self.len) % self.items.capacity();\n        \
if self.len == self.items.capacity() {\n            self.start = (self.start + 1) % self.len;\n            \
return Some(std::mem::replace(&mut self.items[index], item));\n        }\n        self.items.insert(index, item);\n        \
self.len += 1;\n        None\n    }\n}\n", [125, 125]),
    ("python", "@dataclass\nclass Invoice:\n    number: str\n    lines: list[Line] = field(default_factory=list)\n    paid_at: datetime | None = None\n\n    \
def total(self, *, tax_rate: Decimal = Decimal(\"0.19\")) -> Decimal:\n        \"\"\"Return the gross amount, rounded to cents.\"\"\"\n        \
net = sum((line.price * line.quantity for line in self.lines), Decimal(0))\n        if net < 0:\n            \
raise ValueError(f\"negative total {net!r} in invoice {self.number}\")\n        return (net * (1 + tax_rate)).quantize(Decimal(\"0.01\"))\n", [131, 131]),
    ("js", "export async function fetchPage(url, { retries = 3, signal } = {}) {\n  for (let attempt = 0; ; attempt++) {\n    \
try {\n      const response = await fetch(url, { headers: { accept: 'application/json' }, signal });\n      \
if (!response.ok) throw new Error(`HTTP ${response.status}`);\n      return await response.json();\n    } catch (error) {\n      \
if (attempt >= retries || signal?.aborted) throw error;\n      await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 100));\n    }\n  }\n}\n", [123, 122]),
    ("json", "{\"orders\":[{\"id\":10482,\"customer\":{\"name\":\"Nora Lind\",\"email\":\"nora@example.org\"},\"items\":[{\"sku\":\"LAMP-03\",\"quantity\":2,\"price\":39.9},\
{\"sku\":\"DESK-11\",\"quantity\":1,\"price\":249.0}],\"status\":\"shipped\",\"created_at\":\"2024-11-03T09:41:07Z\",\"notes\":null},{\"id\":10483,\"customer\":{\"name\":\
\"Sam Okafor\",\"email\":\"sam@example.org\"},\"items\":[{\"sku\":\"CHAIR-7\",\"quantity\":4,\"price\":89.5}],\"status\":\"pending\",\"created_at\":\"2024-11-03T10:02:55Z\",\"notes\":\"call first\"}]}", [158, 153]),
    ("yaml", "name: release\non:\n  push:\n    tags: [\"v*\"]\njobs:\n  build:\n    runs-on: ubuntu-latest\n    timeout-minutes: 20\n    steps:\n      - uses: actions/checkout@v4\n      \
- name: Install dependencies\n        run: |\n          sudo apt-get update\n          sudo apt-get install -y clang lld\n      - name: Build\n        run: make release VERSION=${{ github.ref_name }}\n        \
env:\n          CFLAGS: -O2 -g\n", [110, 110]),
    ("html", "<section class=\"card\" id=\"pricing\">\n  <h2>Pricing</h2>\n  <p>Every plan includes <a href=\"/docs/support\">support</a> by e-mail.</p>\n  <table>\n    <tr><th>Plan</th><th>Seats</th><th>Price</th></tr>\n    \
<tr><td>Small</td><td>3</td><td>&euro;9</td></tr>\n    <tr><td>Large</td><td>25</td><td>&euro;59</td></tr>\n  </table>\n  <button type=\"submit\" class=\"btn btn-primary\" data-action=\"buy\">Buy now</button>\n</section>\n", [155, 155]),
    ("zh", "请帮我把下面这段会议记录整理成一份简短的总结。会议讨论了三个问题：第一，新版本的发布时间推迟到下个月；第二，测试环境的服务器经常出现连接超时，需要运维同事检查网络配置；\
第三，客户希望在导出报表时可以选择语言。请列出每个问题的负责人和截止日期，如果原文没有提到，请写“待定”。", [93, 129]),
    ("ja", "このプログラムは、指定されたディレクトリにあるファイルを読み込み、重複している行を取り除いてから結果を標準出力に書き出します。オプションを指定しない場合、大文字と小文字は区別されます。\
エラーが発生したときは、メッセージを表示して終了コード1を返します。詳しい使い方については、次の例を参照してください。", [102, 143]),
    ("ko", "안녕하세요. 지난주에 주문한 상품이 아직 도착하지 않아서 문의드립니다. 주문 번호는 20241103이고, 배송 조회 화면에는 계속 준비 중이라고 표시됩니다. \
이번 주 금요일까지 받을 수 있는지 확인해 주시고, 어렵다면 주문을 취소하는 방법도 알려 주세요. 감사합니다.", [68, 124]),
    ("ru", "Чтобы изменить пароль, откройте настройки учётной записи и выберите раздел «Безопасность». Новый пароль должен содержать не менее двенадцати символов, включая цифры и прописные буквы. \
После сохранения изменений все остальные устройства потребуют повторного входа. Если вы забыли текущий пароль, воспользуйтесь ссылкой для восстановления доступа, которую мы отправим на вашу почту.", [85, 142]),
    ("ar", "يمكنك تعديل إعدادات الحساب من خلال الصفحة الرئيسية. اختر القائمة الموجودة في أعلى الشاشة، ثم اضغط على زر الإعدادات. إذا نسيت كلمة المرور، فسوف نرسل إليك رسالة عبر البريد الإلكتروني تحتوي على رابط جديد. \
يرجى التأكد من صحة العنوان قبل إرسال الطلب، لأن الرابط صالح لمدة ساعة واحدة فقط.", [68, 194]),
    ("hi", "अपना खाता बनाने के लिए नीचे दिए गए बटन पर क्लिक करें और अपना नाम तथा ईमेल पता लिखें। इसके बाद हम आपको एक संदेश भेजेंगे जिसमें पुष्टि के लिए एक लिंक होगा। \
यदि आपको संदेश नहीं मिलता है, तो कृपया अपने स्पैम फ़ोल्डर की जाँच करें या कुछ समय बाद फिर से प्रयास करें।", [72, 259]),
    ("base64", "iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAYAAABXAvmHAAAACXBIWXMAAAsTAAALEwEAmpwYAAAF8WlUWHRYTUw6Y29tLmFkb2JlLnhtcAAAAAAA5kX2Vd0Kq7bZr1yLxw3HfE9nJm4sPtQ6oTzUgGcWuYp8vRhSaMiXlOe2NkBdFj5C0D\
QqZf1y7xHw3VtKpLmS8uRcEbJgAoXn94TiYs2vWqDkGzUrPeHlCwM6fNtBjI5QaOxVyR0dSgK7hX3ZuFnTpLcEm1JbWoAq9YtRiGxkUvDs2PfHeNw8MzCjQlBr64aKyTgXoVuI5hSdZFnWm3pLcYEtRb0JqA7uGxkUiDvP1sHfNe9MwCzQjBlKra2ToXgVyIuShd8ZnFm", [272, 301]),
    ("hex", "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nid: 3f2504e0-4f89-41d3-9a0c-0305e82c3301\nid: 7d444840-9dc0-11d1-b245-5ffdce74fad2\n\
sha256 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae\nsha256 fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9\n", [181, 181]),
];

#[test]
fn the_exact_numbers_are_tiktokens() {
    let of = [
        tiktoken_rs::o200k_base_singleton(),
        tiktoken_rs::cl100k_base_singleton(),
    ];
    let counted: Vec<_> = SAMPLES
        .iter()
        .map(|(kind, text, _)| (*kind, of.map(|t| t.count_ordinary(text) as u32)))
        .collect();
    let stored: Vec<_> = SAMPLES
        .iter()
        .map(|(kind, _, exact)| (*kind, *exact))
        .collect();
    assert_eq!(counted, stored);
}
