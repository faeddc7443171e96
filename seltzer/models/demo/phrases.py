"""The demo model's sentences, by language. It calls itself a script wherever one could take it for more."""

from dataclasses import dataclass

from seltzer.models.demo.words import Language


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's answers; the braces are filled by the script."""

    result: str  # {what} {value}
    last_of_list: str  # {rest} {last}
    refused: str  # {what} {why}
    square_root: str  # {of}
    the_result: str  # of an unknown call
    announcement: str
    reasoning: str  # {what}
    no_calculator: str  # {what}
    email: str
    mailed: str  # {said}
    not_mailed: str  # {said}
    hello: str
    hello_name: str  # {name}
    thanks: str
    told_name: str  # {name}
    your_name: str  # {name}
    unknown_name: str
    thinking: str
    thought: str
    markdown: str
    failing: str
    fallback: str
    long: tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]  # opening, who, does, where


_ENGLISH = Phrases(
    result="{what} is {value}.",
    last_of_list="{rest} and {last}",
    refused="I couldn't work out {what}. The calculator says: {why}",
    square_root="the square root of {of}",
    the_result="the result",
    announcement="Let me ask the calculator first.",
    reasoning="The user asks for {what}. I don't compute by myself, so I call the calculator.",
    no_calculator=(
        "I can't work out {what} here: I'm a scripted demo model, I never compute by myself, and no "
        "calculator is connected. Ask the agent graph, which has one, or connect a real model."
    ),
    email="Greetings from a scripted demo model.",
    mailed="I called the email tool. It says: {said}",
    not_mailed="The email wasn't sent. The tool says: {said}",
    hello=(
        'Hello! I\'m a scripted demo model. Ask the agent "what is the square root of 71?", tell me your '
        'name, or say "a long answer".'
    ),
    hello_name="Hello {name}! I'm a scripted demo model. What shall the calculator work out for you?",
    thanks="You're welcome! Anything else for the calculator?",
    told_name="Nice to meet you, {name}! I'll remember your name in this thread.",
    your_name="Your name is {name}, as you told me earlier in this thread.",
    unknown_name='I don\'t know your name yet. Tell me with "my name is ...".',
    thinking=(
        "The user wants to see me think. I'm a script, so my thoughts are written down as well. They are "
        "sent apart from the answer."
    ),
    thought="That was my thinking, sent apart from this answer. I'm a demo model, so it is scripted too.",
    markdown=(
        "## A scripted answer in Markdown\n\nIt has **bold**, *italic* and `code`.\n\n1. A numbered line\n"
        "2. Another one\n   - with a point below\n\n| sign | meaning |\n|---|---|\n| `^` | power |\n"
        "| `%` | percent |\n\n```python\nprint('hello')\n```\n\n> And a quotation at the end."
    ),
    failing="I was asked to fail in the middle of my answer, so this sentence will never reach its",
    fallback=(
        "I'm a scripted demo model, so I can't answer that. As the agent I call the calculator: "
        '"what is the square root of 71?", "2+2 and 3+3", "(3+4)*2 step by step", then "and times 2?". '
        'I remember your name, and show "markdown", "think out loud", "a long answer" or '
        '"fail in the middle". As the graph approval I ask first: "send an email to ada@example.org: hello". '
        "For a real model, set OPENAI_API_KEY, OPENAI_BASE_URL or MODEL and start again."
    ),
    long=(
        "This is a long answer, put together by a script so that you can watch it stream.",
        (
            "The river",
            "An old clock",
            "My neighbour",
            "The last train",
            "A quiet crowd",
            "The lighthouse",
            "Some rain",
        ),
        ("carries", "remembers", "follows", "paints", "counts", "forgets", "brings home", "listens to"),
        (
            "the smell of bread through the morning",
            "every boat that leaves the harbour",
            "a song nobody else can hear",
            "the blue door at the end of the street",
            "seven kinds of silence before noon",
        ),
    ),
)

_JAPANESE = Phrases(
    result="{what}は{value}です。",
    last_of_list="{rest}{last}",
    refused="{what}は計算できませんでした。電卓の答え：{why}",
    square_root="{of}の平方根",
    the_result="計算の結果",
    announcement="まず電卓に聞いてみます。",
    reasoning="{what}を聞かれている。自分では計算しないので、電卓を呼び出す。",
    no_calculator=(
        "ここでは{what}を計算できません。私は台本どおりに話すデモモデルで、自分では計算せず、電卓もつながっていません。"
        "電卓のあるagentグラフに聞くか、本物のモデルを設定してください。"
    ),
    email="台本どおりに話すデモモデルからのご挨拶です。",
    mailed="メールのツールを呼び出しました。その答え：{said}",
    not_mailed="メールは送られませんでした。ツールの答え：{said}",
    hello="こんにちは！私は台本どおりに話すデモモデルです。agentに「71の平方根は？」と聞いたり、名前を教えたりしてみてください。",
    hello_name="こんにちは、{name}さん！私は台本どおりに話すデモモデルです。何を電卓で計算しましょうか。",
    thanks="どういたしまして！ほかに計算するものはありますか。",
    told_name="はじめまして、{name}さん！このスレッドではお名前を覚えておきます。",
    your_name="あなたのお名前は{name}さんです。このスレッドで教えてくれました。",
    unknown_name="まだお名前を知りません。「私の名前は…です」と教えてください。",
    thinking="考えるところを見たいとのこと。私は台本なので、考えも書かれたものです。答えとは別に送られます。",
    thought="今のが私の考えで、この答えとは別に送られました。私はデモモデルなので、それも台本です。",
    markdown=(
        "## 台本のMarkdown\n\n**太字**と`code`があります。\n\n1. 一つ目\n2. 二つ目\n\n"
        "| 記号 | 意味 |\n|---|---|\n"
        "| `^` | べき乗 |\n\n> 最後は引用です。"
    ),
    failing="途中で失敗するように言われたので、この文は最後まで届くことが",
    fallback=(
        "私は台本どおりに話すデモモデルなので、それには答えられません。agentとしての電卓の呼び出し（「71の平方根は？」「3たす4は？」）、"
        "名前の記憶、「長い答え」などができます。approvalグラフでは、「ada@example.orgに「こんにちは」とメールして」の前に許しを求めます。"
        "本物のモデルを使うには、OPENAI_API_KEY、OPENAI_BASE_URL、MODELのどれかを"
        "設定して起動し直してください。"
    ),
    long=(
        "これは流れる様子を見るために台本から組み立てた長い答えです。",
        ("静かな川は", "古い時計は", "隣の人は", "最後の電車は", "遠い灯台は", "朝の雨は", "小さな店は"),
        ("港を出る船を", "パンの匂いを", "誰も知らない歌を", "青い扉の色を", "長い影の形を"),
        (
            "ゆっくり運んでいきます",
            "いつまでも覚えています",
            "ひとつずつ数えています",
            "そっと描いています",
            "遠くまで追いかけます",
            "毎日聞いています",
        ),
    ),
)

_CHINESE = Phrases(
    result="{what}是{value}。",
    last_of_list="{rest}{last}",
    refused="我没能算出{what}。计算器说：{why}",
    square_root="{of}的平方根",
    the_result="计算结果",
    announcement="我先问一下计算器。",
    reasoning="用户在问{what}。我自己不计算，所以调用计算器。",
    no_calculator=(
        "我在这里算不了{what}：我是按脚本说话的演示模型，自己从不计算，这里也没有计算器。"
        "请问有计算器的agent图，或者配置一个真正的模型。"
    ),
    email="这是按脚本说话的演示模型发来的问候。",
    mailed="我调用了邮件工具。工具说：{said}",
    not_mailed="邮件没有发出。工具说：{said}",
    hello="你好！我是按脚本说话的演示模型。可以问agent“71的平方根是多少？”，或者告诉我你的名字。",
    hello_name="你好，{name}！我是按脚本说话的演示模型。要让计算器算点什么？",
    thanks="不客气！还有什么要算的吗？",
    told_name="很高兴认识你，{name}！在这个会话里我会记住你的名字。",
    your_name="你的名字是{name}，你在这个会话里告诉过我。",
    unknown_name="我还不知道你的名字。请用“我叫……”告诉我。",
    thinking="用户想看我思考。我是脚本，所以思考也是写好的，它和回答分开发送。",
    thought="刚才是我的思考，它和这个回答分开发送。我是演示模型，所以那也是脚本。",
    markdown=(
        "## 脚本写的Markdown\n\n这里有**粗体**和`code`。\n\n1. 第一行\n2. 第二行\n\n"
        "| 符号 | 含义 |\n|---|---|\n"
        "| `^` | 乘方 |\n\n> 最后是一段引用。"
    ),
    failing="我被要求在回答中途失败，所以这句话永远到不了它的",
    fallback=(
        "我是按脚本说话的演示模型，回答不了这个问题。作为agent我会调用计算器（“71的平方根是多少？”、“3加4等于多少？”）、"
        "记住你的名字，还有“长回答”等。在approval图里，“给ada@example.org发邮件：你好”要先得到同意。要用真正的模型，请设置OPENAI_API_KEY、OPENAI_BASE_URL或MODEL，然后重新启动。"
    ),
    long=(
        "这是脚本拼出来的长回答，好让你看它怎样一点点流出来。",
        ("安静的河", "老旧的钟", "我的邻居", "末班的火车", "远处的灯塔", "清晨的雨", "街角的小店"),
        ("慢慢带走", "一直记得", "悄悄画下", "逐个数着", "远远跟着", "每天听着"),
        ("离港的每一条船", "面包的香气", "没人听过的歌", "街尾那扇蓝色的门", "中午之前的寂静"),
    ),
)

PHRASES: dict[Language, Phrases] = {"en": _ENGLISH, "ja": _JAPANESE, "zh": _CHINESE}
